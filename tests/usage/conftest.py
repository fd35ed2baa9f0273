"""The real pipeline at a small size, as a user has it after `make repro`."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from as_typed import shell, with_environment
from dvc.utils.serialize import dump_yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
from projects import NOBODY, commit, git, small


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs all of them, so that the small pipeline is run once."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("usage"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small pipeline as a user has it after `make repro`: run and committed; not to be changed."""
    folder = with_environment(small(tmp_path_factory.mktemp("docs") / "project"))
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["recipes"]["gaussian"]["training"] |= {"steps": 4}
    dump_yaml(folder / "params.yaml", params)
    assert shell("make repro", folder).returncode == 0
    commit(folder)
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, with somebody to commit as."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, symlinks=True)
    for name, value in (each.split("=") for each in NOBODY if "=" in each):
        git(folder, "config", name, value)
    return folder
