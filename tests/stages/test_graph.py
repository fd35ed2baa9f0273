"""dvc.yaml and params.yaml: the graph has the stages meant, and every entry is valid."""

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from notmiwae import pipeline
from notmiwae.data.datasets import DatasetSpec
from notmiwae.imputers.baselines import baselines
from notmiwae.inference.recipe import Recipe
from notmiwae.model.latent import ModelSpec
from notmiwae.reporting.reproduction import Tolerance

ROOT = Path(__file__).parents[2]
STAGES = ROOT / "stages"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
GRID = PARAMS["run"]


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def repo() -> Iterator[Repo]:
    with Repo(os.fspath(ROOT)) as opened:
        yield opened


def product(*axes: list[str]) -> set[str]:
    names = [""]
    for axis in axes:
        names = [f"{name}-{each}" if name else each for name in names for each in axis]
    return set(names)


def test_the_graph_has_a_stage_for_every_cell(repo: Repo) -> None:
    data, models = GRID["datasets"], GRID["models"]
    expected = {"report"}
    for stage, names in {
        "generate": product(data),
        "mask": product(data),
        "train": product(data, models),
        "impute": product(data, models),
        "baseline": product(data, GRID["baselines"]),
        "oracle": product(GRID["oracles"]),
        "evaluate": product(data),
        "figures": product(data),
    }.items():
        expected |= {f"{stage}@{name}" for name in names}
    found = {stage.name for stage in repo.index.stages}
    assert found == expected
    assert len(found) == 39 < 60


def test_methods_are_the_models_and_the_baselines() -> None:
    assert GRID["methods"] == GRID["models"] + GRID["baselines"]


def test_every_methods_metrics_are_outputs(repo: Repo) -> None:
    made = {out.def_path for stage in repo.index.stages for out in stage.outs}
    for name in product(GRID["datasets"], GRID["methods"]) | product(GRID["oracles"], ["oracle"]):
        assert f"reports/metrics/{name}.json" in made


def reached(repo: Repo, start: str) -> set[str]:
    """Names of the stages that run after `start` because of it."""
    graph = repo.index.graph
    by_name = {stage.name: stage for stage in graph}
    seen, waiting = set(), [by_name[start]]
    while waiting:
        for after in graph.predecessors(waiting.pop()):
            if after.name not in seen:
                seen.add(after.name)
                waiting.append(after)
    return seen


def readers(repo: Repo, key: str) -> set[str]:
    """Names of the stages that read a dial."""
    found = set()
    for stage in repo.index.stages:
        for params in stage.params:
            if any(key == read or key.startswith(f"{read}.") for read in params.params):
                found.add(stage.name)
    return found


def test_the_number_of_neighbours_concerns_knn_alone(repo: Repo) -> None:
    touched = readers(repo, "baselines.knn.neighbours")
    assert touched == {f"baseline@{name}-knn" for name in GRID["datasets"]}
    after = set().union(*(reached(repo, name) for name in touched))
    assert after == {f"evaluate@{name}" for name in GRID["datasets"]} | {"report"}


def test_a_dial_of_notmiwae_leaves_miwae_and_the_baselines(repo: Repo) -> None:
    touched = readers(repo, "models.notmiwae.ring.training.learning_rate")
    assert touched == {"train@ring-notmiwae"}
    assert reached(repo, "train@ring-notmiwae") == {
        "impute@ring-notmiwae", "evaluate@ring", "figures@ring", "report",
    }  # fmt: skip


def test_every_stage_depends_on_its_script_and_on_the_locked_requirements(repo: Repo) -> None:
    for stage in repo.index.stages:
        read = {dep.def_path for dep in stage.deps if dep.def_path}
        assert f"stages/{stage.name.partition('@')[0]}.py" in read
        assert "requirements.lock" in read


FRAME = {"__init__", "errors", "files", "parallel", "params", "pipeline", "processes", "stage"}
"""Top-level modules by which a stage reads, runs and writes: no result depends on them."""


def imported(source: Path, seen: set[Path]) -> set[Path]:
    """The package's modules that a file imports when it's loaded, and those that they import."""
    for node in ast.walk(ast.parse(source.read_text())):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("notmiwae"):
            continue
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            path = ROOT / "src" / name.replace(".", "/")
            for file in (path.with_suffix(".py"), path / "__init__.py"):
                if file.is_file() and file not in seen:
                    seen.add(file)
                    imported(file, seen)
    return seen


def test_every_stage_depends_on_the_code_that_it_runs(repo: Repo) -> None:
    for stage in repo.index.stages:
        name = stage.name.partition("@")[0]
        read = [ROOT / dep.def_path for dep in stage.deps if dep.def_path]
        for module in imported(STAGES / f"{name}.py", set()):
            if module.stem in FRAME:
                continue
            assert any(module.is_relative_to(path) for path in read), f"{stage.name} imports {module}"


def test_every_entry_of_params_is_valid() -> None:
    for name in GRID["datasets"]:
        pipeline.section(DatasetSpec, f"datasets.{name}")
        pipeline.section(ModelSpec, f"networks.{name}")
        for model in GRID["models"]:
            pipeline.section(Recipe, f"models.{model}.{name}", common="training")
        for baseline in GRID["baselines"]:
            pipeline.entry(baselines, f"baselines.{baseline}", name)
    pipeline.section(Tolerance, "reproduction")
    assert pipeline.compute().processes(8) >= 1
    assert pipeline.seed() >= 0


def test_params_holds_every_dial() -> None:
    """No default hides a dial: what the file says is what the object holds."""
    for name in GRID["datasets"]:
        for model in GRID["models"]:
            written = PARAMS["models"][model][name]
            written["training"] = PARAMS["training"] | written["training"]
            held = pipeline.section(Recipe, f"models.{model}.{name}", common="training").to_mapping()
            assert json.loads(json.dumps(held)) == written


def test_both_models_are_trained_alike() -> None:
    for name in GRID["datasets"]:
        assert PARAMS["models"]["miwae"][name]["training"] == PARAMS["models"]["notmiwae"][name]["training"]
        assert (
            PARAMS["models"]["miwae"][name]["imputation"] == PARAMS["models"]["notmiwae"][name]["imputation"]
        )
