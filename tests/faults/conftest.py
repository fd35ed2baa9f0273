"""The small pipeline, before and after its run; each test copies what it changes."""

import shutil
from pathlib import Path

import pytest
from projects import TARGET, commit, dvc, small


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small pipeline before its first run; not to be changed."""
    return small(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def finished(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small pipeline after the run of `TARGET`, committed; not to be changed."""
    folder = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(fresh, folder)
    dvc(folder, "repro", TARGET)
    commit(folder)
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished one."""
    shutil.copytree(finished, tmp_path / "project")
    return tmp_path / "project"
