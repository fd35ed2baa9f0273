"""The small pipeline, before and after its run; each test copies what it changes."""

import shutil
import time
from pathlib import Path

import pytest
from projects import TARGET, commit, dvc, small


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small pipeline before its first run; not to be changed."""
    return small(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def undisturbed(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The small pipeline after an undisturbed run of `TARGET`, committed, and the run's seconds."""
    folder = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(fresh, folder)
    started = time.monotonic()
    dvc(folder, "repro", TARGET)
    seconds = time.monotonic() - started
    commit(folder)
    return folder, seconds


@pytest.fixture(scope="session")
def finished(undisturbed: tuple[Path, float]) -> Path:
    """The small pipeline after its run; not to be changed."""
    return undisturbed[0]


@pytest.fixture
def begun(fresh: Path, tmp_path: Path) -> Path:
    """A copy of the one before its run."""
    shutil.copytree(fresh, tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished one."""
    shutil.copytree(finished, tmp_path / "project")
    return tmp_path / "project"
