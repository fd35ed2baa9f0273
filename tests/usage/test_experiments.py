"""Plain DVC commands in a clone that has run the root pipeline alone."""

import json
import sys
from pathlib import Path

import pytest
from as_typed import WAIT, shell
from projects import git

ACTIVATE = "source .venv/bin/activate\n"
CODE = "src/study/baselines/mean.py"
METRIC = "reports/metrics/gaussian-mean.json"


@pytest.mark.parametrize("how", ["--temp", "--queue"])
def test_an_experiment_runs_the_code_that_its_lock_records(how: str, project: Path) -> None:
    """The package is installed from elsewhere; the experiment is of an altered imputer."""
    code = project / CODE
    before, as_it_was = code.read_text(), json.loads((project / METRIC).read_text())["rmse"]
    assert ".fit_transform(values)" in before
    code.write_text(before.replace(".fit_transform(values)", ".fit_transform(values) + 1000"))
    queue = f"\ndvc queue start\n{WAIT}"
    # By the time that a queued one runs, the workspace has other code.
    later = f"\ngit checkout --quiet {CODE}" + (queue if how == "--queue" else "")
    shell(
        f"{ACTIVATE}dvc exp run {how} --name altered --set-param baselines.knn.neighbours=4{later}", project
    )
    assert json.loads((project / METRIC).read_text())["rmse"] == as_it_was
    shell(f"{ACTIVATE}dvc exp apply altered", project)
    assert json.loads((project / METRIC).read_text())["rmse"] == pytest.approx(1000, rel=0.01)
    assert "+ 1000" in code.read_text()


def test_an_unchanged_cell_that_runs_again_leaves_git_clean(project: Path) -> None:
    ended = shell(f"{ACTIVATE}dvc repro --force --single-item impute@gaussian-notmiwae", project)
    assert "Running stage" in ended.stdout
    assert git(project, "status", "--short") == ""


def test_what_is_typed_leaves_the_tests_own_environment_alone(project: Path) -> None:
    """A lock that git has just written makes nothing be installed."""
    (project / "pyproject.toml").touch()
    before = sorted(path.name for path in Path(sys.prefix).rglob("*notmiwae*"))
    ended = shell("make verify-cache", project)
    assert ".ci/environment" not in ended.stdout
    assert sorted(path.name for path in Path(sys.prefix).rglob("*notmiwae*")) == before


def test_status_and_checkout_are_about_the_study_alone(project: Path) -> None:
    assert shell(f"{ACTIVATE}dvc checkout", project).stdout == ""
    assert len(shell(f"{ACTIVATE}dvc status", project).stdout.splitlines()) == 1
