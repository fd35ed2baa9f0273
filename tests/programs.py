"""Programs that some tests need beside Python, git and make; run, this installs those missing (--list: all).

A test that needs one says so, `@pytest.mark.needs("redis-server")`, and is left out where there is none; with
`NOTMIWAE_TEST_ALL=1`, as `make test-all` and `.ci/run` set it, it fails instead (`conftest.py`). Programs are
looked for on PATH alone, to which the Makefile adds `/usr/sbin`, where Debian has `sshd`.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile

PACKAGES = {
    "chromium": "chromium",
    "rclone": "rclone",
    "redis-server": "redis-server",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
}
"""Debian's package of each program."""
OTHER_NAMES = {"chromium": ("chromium-browser", "google-chrome")}
"""What some of them are called elsewhere."""
MOUNT = "mount"
"""Stands for a right, and not for a program alone: that to mount a disk, which is root's."""
ALL = "NOTMIWAE_TEST_ALL"
"""The variable that, set to 1, says that nothing may be left out."""


def all_required() -> bool:
    """Whether a test that can't run for want of a program fails."""
    return os.environ.get(ALL) == "1"


def path_of(program: str) -> str | None:
    """Where a program lies, under any of its names; None where it isn't on PATH."""
    names = (program, *OTHER_NAMES.get(program, ()))
    return next(filter(None, map(shutil.which, names)), None)


def missing(needed: tuple[str, ...]) -> list[str]:
    """Those of the needed that aren't here.

    Raises:
        ValueError: nobody knows how to have one of them.
    """
    if unknown := set(needed) - {*PACKAGES, MOUNT}:
        known = ", ".join([*PACKAGES, MOUNT])
        raise ValueError(f"needs: found {', '.join(sorted(unknown))}; expected some of {known}")
    return [name for name in needed if not (_mounts() if name == MOUNT else path_of(name))]


def as_root(*command: str) -> list[str]:
    """A command for root to run; of others, sudo runs it if it needs no password."""
    return [*(() if os.geteuid() == 0 else ("sudo", "--non-interactive")), *command]


@functools.cache
def _mounts() -> bool:
    """Whether a small disk can be mounted here: root of a container often may not."""
    # Nobody but who asks for all tests gets sudo run for them.
    if os.geteuid() != 0 and not all_required():
        return False
    with tempfile.TemporaryDirectory() as folder:
        mount = as_root("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder)
        try:
            if subprocess.run(mount, capture_output=True, check=False).returncode:
                return False
        except OSError:  # there is no sudo, or no mount
            return False
        subprocess.run(as_root("umount", folder), check=True)
    return True


def main() -> int:
    """Install what is missing by apt-get, or list all; the exit status is 1 if that can't be done."""
    if sys.argv[1:] == ["--list"]:
        print("\n".join(PACKAGES))
        return 0
    absent = missing(tuple(PACKAGES))
    if not absent:
        return 0
    packages = [PACKAGES[name] for name in absent]
    print(f"installing {' '.join(packages)} (apt-get)", file=sys.stderr)
    apt = as_root("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet")
    try:
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            subprocess.run([*apt, *command], stdout=sys.stderr, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        advice = f"install {', '.join(absent)} yourself (Debian's packages: {' '.join(packages)})"
        print(f"{advice}; `make test` leaves out what needs them", file=sys.stderr)
        return 1
    if absent := missing(tuple(PACKAGES)):
        print(
            f"error: {', '.join(absent)} installed, but not on PATH ({os.environ.get('PATH')})",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
