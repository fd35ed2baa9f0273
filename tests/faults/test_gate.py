"""The reproduction check catches what is planted: altered numbers, chance, changed inputs, a stale lock."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from projects import MAKE, commit, dvc, toy

from notmiwae.errors import ParameterError
from study.reporting.environment import environment
from study.reproduction.check import main
from study.reproduction.corners import narrow

RESULTS = "reports/results.csv"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose results come out again."""
    return toy(tmp_path_factory.mktemp("toy") / "project")


@pytest.fixture
def project(good: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(good, tmp_path / "project")
    return tmp_path / "project"


def altered_number(project: Path) -> None:
    """Somebody improves a result by hand, and DVC's record of it too."""
    table = project / RESULTS
    table.write_text(table.read_text().replace("rmse,1.", "rmse,0."))
    dvc(project, "commit", "--force")


def unseeded_generator(project: Path) -> None:
    """Results that hang on chance."""
    (project / "make.py").write_text(MAKE.replace("default_rng(seed)", "default_rng()"))
    dvc(project, "repro")


def changed_code(project: Path) -> None:
    """Code that makes the same results, but isn't what they were made by."""
    (project / "make.py").write_text(MAKE + "# the same\n")


def changed_table(project: Path) -> None:
    """Another table than the one that results were made from."""
    (project / "table.csv").write_text("1.500")


def changed_dial(project: Path) -> None:
    """A dial turned after the run."""
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("seed: 1", "seed: 2"))


def old_lock(project: Path) -> None:
    """The lock of a former run."""
    lock = (project / "dvc.lock").read_text()
    (project / "make.py").write_text(MAKE + "# the same\n")
    dvc(project, "repro")
    (project / "dvc.lock").write_text(lock)


def old_lock_of_another_pipeline(project: Path) -> None:
    """The root was run with another table, and the other pipeline wasn't."""
    (project / "table.csv").write_text("1.6")
    dvc(project, "repro")


def lock_of_two_runs(project: Path) -> None:
    """One stage of the other pipeline was run with another table, and what follows wasn't."""
    old_lock_of_another_pipeline(project)
    dvc(project / "paper", "repro", "--single-item", "mask")


def lost_input_of_another_pipeline(project: Path) -> None:
    """What the other pipeline was made from isn't in git."""
    stages = (project / "paper/dvc.lock").read_text()
    (project / "paper/dvc.lock").write_text(stages.replace("../table.csv", "../elsewhere.csv"))
    pipeline = project / "paper/dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("../table.csv", "../elsewhere.csv"))


def failing_stage(project: Path) -> None:
    """A stage that no longer runs."""
    (project / "make.py").write_text("raise SystemExit(1)")


def lost_result(project: Path) -> None:
    """A result that isn't committed."""
    (project / RESULTS).unlink()


PLANTED = {
    altered_number: "results.csv: gaussian knn rmse: was 0.",
    unseeded_generator: "results.csv: gaussian knn rmse: was ",
    changed_code: "dvc.lock is stale: oracle@gaussian: make.py is modified",
    changed_table: "dvc.lock is stale: oracle@gaussian: table.csv is modified",
    changed_dial: "dvc.lock is stale: oracle@gaussian: params.yaml: seed is modified",
    old_lock: "dvc.lock is stale: oracle@gaussian: make.py is modified",
    old_lock_of_another_pipeline: "paper/dvc.lock is stale: mask: ",
    lock_of_two_runs: "paper/dvc.lock is stale: train: masked.csv isn't what its stage made",
    lost_input_of_another_pipeline: "elsewhere.csv is deleted",
    failing_stage: "`dvc repro --force --no-run-cache dvc.yaml` failed",
    lost_result: "results.csv: is new; commit it",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_is_planted_is_caught(
    plant: Callable[[Path], None],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant(project)
    commit(project)
    monkeypatch.chdir(project)
    assert main([]) == 1
    assert PLANTED[plant] in capsys.readouterr().err


CORNERED = """
stages:
  evaluate:
    cmd: python evaluate.py
    deps: [evaluate.py, ../table.csv]
    params: [run]
    outs: [reports/metrics: {cache: false}]
"""
EVALUATE = """
import json
import yaml
from pathlib import Path
run = yaml.safe_load(Path("params.yaml").read_text())["run"]
Path("reports/metrics").mkdir(parents=True, exist_ok=True)
for dataset in run["datasets"]:
    for method in run["models"] + run["baselines"]:
        value = float(Path("../table.csv").read_text())
        Path(f"reports/metrics/{dataset}-{method}.json").write_text(json.dumps({"rmse": value}))
"""


@pytest.fixture
def cornered(project: Path) -> Path:
    """The project with a further pipeline of two cells, one of which is its corner."""
    paper = project / "paper"
    grid = {"datasets": ["a", "b"], "models": ["miwae"], "baselines": [], "oracles": []}
    (paper / "params.yaml").write_text(yaml.safe_dump({"run": grid}))
    (paper / "dvc.yaml").write_text(CORNERED)
    (paper / "dvc.lock").unlink()
    (paper / "evaluate.py").write_text(EVALUATE)
    params = project / "params.yaml"
    loaded = yaml.safe_load(params.read_text())
    loaded["reproduction"] |= {"corners": {"paper": {"run": {"datasets": ["a"]}}}, "fast": []}
    params.write_text(yaml.safe_dump(loaded))
    dvc(paper, "repro")
    dvc(project, "repro")
    commit(project)
    return project


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ("# the same\n", 0, "note: a corner of paper was rerun and came out again"),
        (
            "for file in Path('reports/metrics').glob('a-*'): file.write_text('{\"rmse\": 9.0}')\n",
            1,
            "rmse: was 1.",
        ),
        ("raise SystemExit(1)\n", 1, "failed"),
    ],
)
def test_of_a_pipeline_with_a_corner_that_corner_has_to_come_out_again(
    change: str,
    status: int,
    said: str,
    cornered: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(cornered)
    assert main([]) == 0
    # What its stages made isn't in the clone, which is no change.
    assert capsys.readouterr().err == ""
    (cornered / "paper/evaluate.py").write_text(EVALUATE + change)
    commit(cornered)
    assert main([]) == status
    assert said in capsys.readouterr().err


def test_a_corner_that_is_none_is_an_error(
    cornered: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params = cornered / "params.yaml"
    params.write_text(params.read_text().replace("datasets:\n        - a", "datasets:\n        - c"))
    (cornered / "paper/evaluate.py").write_text(EVALUATE + "# the same\n")
    commit(cornered)
    monkeypatch.chdir(cornered)
    assert main([]) == 1
    assert "reproduction.corners.paper.run.datasets: found 'c'; accepted: a, b" in capsys.readouterr().err


def test_the_quick_check_has_the_corners_that_are_said(
    cornered: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params = cornered / "params.yaml"
    params.write_text(params.read_text().replace("fast: []", "fast: [paper]"))
    dvc(cornered, "repro")
    commit(cornered)
    monkeypatch.chdir(cornered)
    assert main(["--fast"]) == 0
    assert "note: a corner of paper was rerun and came out again" in capsys.readouterr().err
    metrics = cornered / "paper/reports/metrics/a-miwae.json"
    metrics.write_text('{"rmse": 9.0}')
    commit(cornered)
    assert main(["--fast"]) == 1
    assert "paper/reports/metrics/a-miwae.json: rmse: was 9" in capsys.readouterr().err


def test_a_corner_narrows_lists_and_mappings() -> None:
    dials = {"run": {"datasets": ["a", "b"], "kept": 1}, "tables": {"x": {"rows": 1}, "y": {"rows": 2}}}
    narrowed = narrow(dials, {"run": {"datasets": ["b"]}, "tables": ["y"]}, "here")
    assert narrowed == {"run": {"datasets": ["b"], "kept": 1}, "tables": {"y": {"rows": 2}}}
    with pytest.raises(ParameterError, match=r"here\.tables: found 'z'; accepted: x, y"):
        narrow(dials, {"tables": ["z"]}, "here")
    with pytest.raises(ParameterError, match=r"here\.table: no such dial; did you mean 'tables'"):
        narrow(dials, {"table": ["y"]}, "here")


@pytest.mark.parametrize("arguments", [[], ["--fast"]])
def test_results_that_come_out_again_pass(
    arguments: list[str], good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(good)
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert "Reproduced byte for byte" in said.out
    assert "note" not in said.err


def test_the_workspace_is_left_as_it_is_and_what_is_not_committed_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    altered_number(project)
    before = (project / RESULTS).read_bytes()
    monkeypatch.chdir(project)
    assert main([]) == 0
    assert "without 2 uncommitted change(s)" in capsys.readouterr().err
    assert (project / RESULTS).read_bytes() == before


@pytest.mark.parametrize(
    ("factor", "said"), [(1.01, "and byte for byte but for 1 file(s)"), (1.0, "and even byte for byte")]
)
def test_elsewhere_figures_may_differ_by_the_tolerance(
    factor: float,
    said: str,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (project / "reports/environment.json").write_text(json.dumps(environment() | {"processor": "another"}))
    table = project / RESULTS
    head, value = table.read_text().splitlines()
    *before, number, error, count = value.split(",")
    table.write_text("\n".join([head, ",".join([*before, str(float(number) * factor), error, count]), ""]))
    dvc(project, "commit", "--force")
    commit(project)
    monkeypatch.chdir(project)
    assert main([]) == 0
    assert f"Reproduced within 3% + 0.01, {said}: " in capsys.readouterr().out
