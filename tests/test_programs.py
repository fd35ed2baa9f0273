"""Tests that need a program are left out where it isn't, and said; or fail, if nothing may be left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import programs

ROOT = Path(__file__).parents[1]
NEEDS_REDIS = "tests/search/test_shared_storage.py::test_nothing_in_redis_is_unpickled"
NEEDS_NONE = "tests/search/test_shared_storage.py::test_the_environments_storage_comes_first"


def suite(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What pytest says where no program is on PATH."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in ("PATH", programs.ALL)}
    environment = kept | {"PATH": str(folder)} | variables
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("processes", ["0", "1"])
def test_what_needs_a_program_that_is_not_here_is_left_out_and_said(processes: str, tmp_path: Path) -> None:
    ended = suite(tmp_path, "-n", processes, NEEDS_REDIS, NEEDS_NONE)
    assert ended.returncode == 0, ended.stdout
    *_, which, how, closing = ended.stdout.strip().splitlines()
    assert which == "left out 1 test(s), as these aren't here: redis-server (1)"
    assert how.startswith("`make test-all` installs")
    assert "1 passed" in closing


def test_where_nothing_may_be_left_out_it_fails(tmp_path: Path) -> None:
    ended = suite(tmp_path, "-n", "0", NEEDS_REDIS, NEEDS_NONE, **{programs.ALL: "1"})
    assert ended.returncode == 1
    assert "there is no redis-server" in ended.stdout
    assert "1 passed, 1 error" in ended.stdout


def test_a_program_is_found_on_path_alone_under_any_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.missing(("chromium", "rclone")) == ["chromium", "rclone"]
    (tmp_path / "google-chrome").touch(mode=0o755)
    assert programs.missing(("chromium", "rclone")) == ["rclone"]
    assert programs.path_of("chromium") == str(tmp_path / "google-chrome")


def test_a_misspelt_program_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"needs: found redis; expected some of chromium, "):
        programs.missing(("redis",))
