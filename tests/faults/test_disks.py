"""Full and read-only disks, wrong clocks, rotten and missing files: said, and made good by `dvc repro`."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from projects import TARGET, TOOLS, dvc, git, made

from programs import MOUNT, as_root

YEARS = 10 * 365 * 86400


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Callable[[str], None]]:
    """A disk of its own at `folder`, with what was there; the function mounts it anew with other options."""
    folder.mkdir(parents=True, exist_ok=True)
    before = folder.with_name(f"{folder.name}.before")
    shutil.copytree(folder, before)
    run("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder))
    try:
        shutil.copytree(before, folder, dirs_exist_ok=True)
        shutil.rmtree(before)
        yield lambda options: run("mount", "-o", f"remount,{options}", str(folder))
    finally:
        run("umount", "--lazy", str(folder))


def run(*command: str) -> None:
    """Run a command as root."""
    subprocess.run(as_root(*command), check=True)


FULL = {
    # folder, its kilobytes, target
    "train": ("models", 16, TARGET),
    "cache": (".dvc/cache", 24, TARGET),
    "report": ("reports", 140, "dvc.yaml"),
}


@pytest.mark.needs(MOUNT)
@pytest.mark.parametrize("place", FULL)
def test_a_full_disk_is_said_in_a_line_and_room_makes_it_good(
    place: str, begun: Path, finished: Path
) -> None:
    where, kilobytes, target = FULL[place]
    with disk(begun / where, kilobytes) as remount:
        failed = dvc(begun, "repro", target, check=False)
        assert failed.returncode != 0
        assert "No space left on device" in failed.stderr
        assert "Traceback" not in failed.stderr
        remount("size=64m")
        again = dvc(begun, "repro", target, check=False)
        assert again.returncode == 0, again.stderr
        found, expected = made(begun), made(finished)
        for lock in (found, expected):
            if target != TARGET:  # it has more stages
                lock.pop("dvc.lock")
        assert {name: found[name] for name in expected} == expected
        assert not [name for name in found if name.endswith(".tmp")]


@pytest.mark.needs(MOUNT)
def test_an_output_that_cannot_be_written_is_said_in_a_line(begun: Path, finished: Path) -> None:
    with disk(begun / "data/imputed", 10_000) as remount:
        remount("ro")
        failed = dvc(begun, "repro", TARGET, check=False)
        assert failed.returncode != 0
        assert "Read-only file system" in failed.stderr
        assert "Traceback" not in failed.stderr
        remount("rw")
        assert dvc(begun, "repro", TARGET, check=False).returncode == 0
        assert made(begun) == made(finished)


@pytest.mark.parametrize("jump", [-YEARS, YEARS])
def test_a_clock_that_jumps_changes_nothing(jump: int, project: Path, finished: Path) -> None:
    for top in ("data", "models", "src", "stages", ".dvc/cache"):
        for path in (project / top).rglob("*"):
            os.utime(path, (time.time() + jump,) * 2)
    again = dvc(project, "repro", TARGET)
    assert "Running stage" not in again.stdout
    shutil.rmtree(project / "data/masked/gaussian")
    dvc(project, "repro", TARGET)
    assert made(project) == made(finished)


def cached(project: Path, of: str) -> Path:
    """The object in the cache that holds a file's content."""
    content = (project / of).read_bytes()
    objects = (path for path in (project / ".dvc/cache/files/md5").glob("??/*"))
    return next(path for path in objects if path.read_bytes() == content)


def rot(path: Path) -> None:
    """Change a byte and nothing else: mode and times stay."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def verify(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "study.reproduction.cache_check", *arguments]
    return subprocess.run(command, cwd=project, env=TOOLS, capture_output=True, text=True, check=False)


def test_a_rotten_object_of_the_cache_is_found_and_made_again(project: Path, finished: Path) -> None:
    table = "data/masked/gaussian/001.parquet"
    assert verify(project).returncode == 0
    rot(cached(project, table))
    shutil.rmtree(project / "data/masked/gaussian")
    # DVC believes the object, and so would everybody.
    dvc(project, "checkout", "data/masked/gaussian")
    assert (project / table).read_bytes() != (finished / table).read_bytes()
    found = verify(project)
    assert found.returncode == 1
    assert f"1 damaged object(s):\n  {cached_name(project, table)}: {table}\n" in found.stderr
    assert verify(project, "--remove").returncode == 1
    shutil.rmtree(project / "data/masked/gaussian")
    dvc(project, "repro", TARGET)
    assert verify(project).returncode == 0
    assert made(project) == made(finished)


def cached_name(project: Path, table: str) -> str:
    """The name of the object of a file, whatever it holds now."""
    found = cached(project, table)
    return found.parent.name + found.name


def test_a_rotten_object_of_a_remote_is_refused(project: Path, finished: Path, tmp_path: Path) -> None:
    remote, table = tmp_path / "remote", "data/masked/gaussian/001.parquet"
    dvc(project, "remote", "add", "--default", "store", str(remote))
    dvc(project, "remote", "modify", "store", "verify", "true")
    dvc(project, "push")
    digest = cached(project, table)
    rot(remote / "files/md5" / digest.parent.name / digest.name)
    for gone in (".dvc/cache", "data/masked"):
        shutil.rmtree(project / gone)
    pulled = dvc(project, "pull", check=False)
    assert pulled.returncode != 0
    assert not (project / table).exists() or (project / table).read_bytes() == (finished / table).read_bytes()
    dvc(project, "repro", TARGET)
    assert made(project) == made(finished)


def test_a_lost_output_comes_back(project: Path, finished: Path) -> None:
    shutil.rmtree(project / "models/notmiwae")
    assert dvc(project, "repro", TARGET).returncode == 0
    assert made(project) == made(finished)


def test_a_missing_data_file_is_named(project: Path, finished: Path) -> None:
    shutil.rmtree(project / "data/mnist")
    failed = dvc(project, "repro", TARGET, check=False)
    assert failed.returncode != 0
    assert "data/mnist" in failed.stderr
    git(project, "checkout", "data/mnist")
    assert dvc(project, "repro", TARGET).returncode == 0
    assert made(project) == made(finished)
