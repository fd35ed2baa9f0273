"""A repository as a user has it, and what is typed there."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

WAIT = "until ! dvc queue status | grep -E 'Queued|Running' > /dev/null; do sleep 1; done"
"""A line of shell that waits for queued experiments; `grep -q` would close the pipe while DVC writes."""
FUTURE = 4_000_000_000
"""Seconds: a time that no file has."""


def with_environment(folder: Path) -> Path:
    """The folder with a `.venv` of links, in which the tools are those that run this test.

    Its stamps are newer than any lock that git or a copy writes there later: `make` must not install the
    small project into the environment of whoever runs the tests.
    """
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        (folder / ".venv" / path.name).symlink_to(path)
    for stamp in (".ready", ".tools"):
        (folder / ".venv" / stamp).unlink(missing_ok=True)
        (folder / ".venv" / stamp).touch()
        os.utime(folder / ".venv" / stamp, (FUTURE, FUTURE))
    return folder


def shell(
    script: str, folder: Path, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run what is printed in bash, which ends at the first command that fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | (more or {})
    environment["PIP_DRY_RUN"] = "1"  # whatever is typed, nothing is installed through the links
    command = ["bash", "-euo", "pipefail", "-c", script]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 0, f"{script}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended
