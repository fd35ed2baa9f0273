"""dvc.yaml and params.yaml: the graph has the stages meant, and every entry is valid."""

import ast
import functools
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from notmiwae.model.not_miwae import ModelSpec
from notmiwae.training.recipe import RecipeSpec
from study.baselines.baseline import baselines
from study.data.datasets import DatasetSpec
from study.reproduction.checkout import repositories
from study.reproduction.compare import Tolerance
from study.run import pipeline
from study.run.params_file import lookup
from study.search.sweep_spec import read_sweep

ROOT = Path(__file__).parents[2]
STAGES = ROOT / "stages"
SOURCE = ROOT / "src"
PACKAGES = ("notmiwae", "study")
PAPER = ROOT / "paper"
IMAGES = ROOT / "images"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
PAPER_PARAMS = yaml.safe_load((PAPER / "params.yaml").read_text())
GRID, PAPER_GRID = PARAMS["run"], PAPER_PARAMS["run"]


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


REPOSITORIES = [ROOT, *(ROOT / name for name in repositories(ROOT)[1:])]
"""Each pipeline is a DVC repository of its own, so that a command at the root is about the study alone."""


@pytest.fixture(scope="module")
def repos() -> Iterator[dict[Path, Repo]]:
    """The DVC repositories, by their folders."""
    with ExitStack() as stack:
        yield {folder: stack.enter_context(Repo(os.fspath(folder))) for folder in REPOSITORIES}


@pytest.fixture(scope="module")
def repo(repos: dict[Path, Repo]) -> Repo:
    """The one at the root."""
    return repos[ROOT]


def all_stages(repos: dict[Path, Repo]) -> list[Any]:
    return [stage for repo in repos.values() for stage in repo.index.stages]


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
    assert {stage.name for stage in repo.index.stages} == expected


def test_the_papers_graph_has_a_stage_for_every_method_and_table(repos: dict[Path, Repo]) -> None:
    expected = {"benchmark"}
    for stage, names in {
        "table": PAPER_GRID["datasets"],
        "train": PAPER_GRID["models"],
        "impute": PAPER_GRID["models"],
        "baseline": PAPER_GRID["baselines"],
        "evaluate": PAPER_GRID["datasets"],
        "study": {"ablation", "missing_rate"},
    }.items():
        expected |= {f"{stage}@{name}" for name in names}
    assert {stage.name for stage in repos[PAPER].index.stages} == expected


def test_every_study_has_a_stage(repos: dict[Path, Repo]) -> None:
    found = {stage.name.partition("@")[2] for stage in all_stages(repos) if stage.name.startswith("study@")}
    assert found == set(STUDIES)


def test_no_graph_is_so_large_that_dvc_is_slow(repos: dict[Path, Repo]) -> None:
    """Its cost grows with the square of the number of stages."""
    assert all(len(repo.index.stages) <= 60 for repo in repos.values())


def test_methods_are_the_models_and_the_baselines() -> None:
    for grid in (GRID, PAPER_GRID):
        assert grid["methods"] == grid["models"] + grid["baselines"]


def test_every_methods_metrics_are_outputs(repos: dict[Path, Repo]) -> None:
    for folder, grid in ((ROOT, GRID), (PAPER, PAPER_GRID)):
        made = {out.def_path for stage in repos[folder].index.stages for out in stage.outs}
        for name in product(grid["datasets"], grid["methods"]) | product(grid["oracles"], ["oracle"]):
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
    expected = {f"{stage}@{name}" for stage in ("evaluate", "figures") for name in GRID["datasets"]}
    assert after == expected | {"report"}


def test_a_dial_of_notmiwae_leaves_miwae_and_the_baselines(repo: Repo) -> None:
    touched = readers(repo, "models.notmiwae.ring.training.learning_rate")
    assert touched == {"train@ring-notmiwae"}
    assert reached(repo, "train@ring-notmiwae") == {
        "impute@ring-notmiwae", "evaluate@ring", "figures@ring", "report",
    }  # fmt: skip


def test_every_stage_depends_on_its_script_and_on_the_locked_requirements(repos: dict[Path, Repo]) -> None:
    for stage in all_stages(repos):
        read = dependencies(stage)
        assert scripts(stage) <= read
        assert ROOT / "requirements.lock" in read


PIPELINES = [file for each in ("", "*/", "*/*/") for file in sorted(ROOT.glob(f"{each}dvc.yaml"))]


def test_every_pipeline_is_found() -> None:
    assert {"images", "long", "paper", "sweep"} <= {file.name for file in REPOSITORIES}
    assert len(PIPELINES) >= len(REPOSITORIES)


def test_git_knows_what_is_a_result_and_what_is_made_on_the_way(
    repos: dict[Path, Repo], tmp_path: Path
) -> None:
    """What DVC's cache holds, seconds and notes are no business of git's, in any pipeline's folder."""
    # An empty repository's git reads the patterns, as a source archive has none.
    git = ["git", "--git-dir", str(tmp_path), "--work-tree", str(ROOT)]
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path)], check=True)
    for folder, repo in repos.items():
        outs = [out for stage in repo.index.stages for out in stage.outs]
        ignored = [os.path.relpath(out.fs_path, ROOT) for out in outs if out.use_cache]
        made = (
            "reports/timings.csv",
            "build/made_from/0",
            ".dvc/cache/files",
            ".dvc/tmp/lock",
            "dvc_plots/index.html",
        )
        ignored += [os.path.relpath(folder / each, ROOT) for each in made]
        kept = [os.path.relpath(out.fs_path, ROOT) for out in outs if not out.use_cache]
        command = [*git, "check-ignore", "--no-index", *ignored, *kept]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert sorted(found.stdout.splitlines()) == sorted(ignored)


PARAMS_FILES = [file for each in ("", "*/", "*/*/") for file in sorted(ROOT.glob(f"{each}params.yaml"))]


@pytest.mark.parametrize("file", PARAMS_FILES, ids=lambda file: str(file.parent.relative_to(ROOT)))
def test_params_have_the_layout_that_dvc_leaves(file: Path, tmp_path: Path) -> None:
    """`dvc exp run -S` writes the file anew: what it doesn't turn stays as it is, comments too."""
    from dvc.utils.hydra import apply_overrides

    written = tmp_path / "params.yaml"
    shutil.copy(file, written)
    params = yaml.safe_load(file.read_text())
    apply_overrides(written, [f"{key}={value}" for key, value in params.items() if isinstance(value, int)])
    assert written.read_text() == file.read_text()


def test_a_dial_that_dvc_turns_is_the_one_line_that_changes(tmp_path: Path) -> None:
    from dvc.utils.hydra import apply_overrides

    written = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", written)
    apply_overrides(written, ["baselines.knn.neighbours=3", "models.notmiwae.gaussian.training.samples=50"])
    before, after = (ROOT / "params.yaml").read_text().splitlines(), written.read_text().splitlines()
    changed = [new.strip() for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 2
    assert changed[0].startswith("samples: 50 ")
    assert changed[1] == "neighbours: 3"


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: file.parent.name)
def test_a_command_holds_nothing_of_params_but_a_cells_names_in_quotes(file: Path) -> None:
    """`${item}` is a mapping, of which DVC makes quoted options; any other value it puts in as it is."""
    for stage in yaml.safe_load(file.read_text())["stages"].values():
        commands = [stage["cmd"]] if isinstance(stage["cmd"], str) else stage["cmd"]
        for command in commands:
            assert re.fullmatch(
                r"python (\.\./)?stages \w+( --dataset all)?( \$\{item\})?( --methods \w+)?", command
            )


@pytest.mark.parametrize("name", ["a; touch taken", "$(touch taken)", "`touch taken`", "a' || touch taken #"])
def test_a_name_with_a_command_in_it_is_not_run(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    params = PARAMS | {"run": GRID | {"datasets": [name], "oracles": []}}
    params["datasets"] = {name: PARAMS["datasets"]["gaussian"]}
    params["networks"] = {name: PARAMS["networks"]["gaussian"]}
    params["models"] = {model: {name: entry["gaussian"]} for model, entry in PARAMS["models"].items()}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    for dependency in ("stages", "src", "data/mnist", "requirements.lock"):
        (tmp_path / dependency).parent.mkdir(exist_ok=True)
        (tmp_path / dependency).symlink_to(ROOT / dependency)
    command = ["env", f"PATH={Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"]
    command += [sys.executable, "-m", "dvc"]
    subprocess.run([*command, "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    found = subprocess.run([*command, "repro"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert found.returncode != 0
    assert not list(tmp_path.rglob("taken"))
    assert "dataset: found" in found.stderr


def scripts(stage: Any) -> set[Path]:
    """The stage scripts that a stage's commands run."""
    commands = [stage.cmd] if isinstance(stage.cmd, str) else stage.cmd
    return {STAGES / f"{command.split()[2]}.py" for command in commands}


def dependencies(stage: Any) -> set[Path]:
    """The files and folders that a stage depends on."""
    return {(Path(stage.wdir) / dep.def_path).resolve() for dep in stage.deps if dep.def_path}


FRAME = {
    SOURCE / "study/run",
    *(SOURCE / f"notmiwae/{name}.py" for name in ("arrays", "errors", "files", "progress", "specs")),
}
"""Code by which a stage reads, runs and writes: no result depends on it."""


def in_frame(module: Path) -> bool:
    return module.name == "__init__.py" or any(module.is_relative_to(path) for path in FRAME)


@functools.cache
def imports(source: Path) -> frozenset[Path]:
    """The two packages' modules that a file names in its imports."""
    found = set()
    tree = ast.parse(source.read_text())
    for node in tree.body:
        # What only the type checker imports doesn't run.
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] not in PACKAGES:
            continue
        for name in [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]:
            path = SOURCE / name.replace(".", "/")
            found |= {file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()}
    return frozenset(found)


@functools.cache
def imported(script: Path) -> frozenset[Path]:
    """The packages' modules that a script imports when it's loaded, and those that they import."""
    seen: set[Path] = set()
    waiting = set(imports(script))
    while waiting:
        module = waiting.pop()
        seen.add(module)
        if not in_frame(module):
            waiting |= imports(module) - seen
    return frozenset(module for module in seen if not in_frame(module))


def test_every_stage_depends_on_the_code_that_it_runs(repos: dict[Path, Repo]) -> None:
    for stage in all_stages(repos):
        read = dependencies(stage)
        for module in set().union(*(imported(script) for script in scripts(stage))):
            assert any(module.is_relative_to(path) for path in read), f"{stage.name} imports {module}"


def test_no_stage_depends_on_code_that_it_does_not_run(repos: dict[Path, Repo]) -> None:
    for stage in all_stages(repos):
        modules = set().union(*(imported(script) for script in scripts(stage)))
        for path in (path for path in dependencies(stage) if path.is_relative_to(SOURCE)):
            assert any(module.is_relative_to(path) for module in modules), f"{stage.name} needs no {path}"


@pytest.fixture(params=[ROOT, PAPER, IMAGES], ids=["root", "paper", "images"])
def grid(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The grid of each pipeline, in whose folder the test then runs."""
    monkeypatch.chdir(request.param)
    read: dict[str, list[str]] = pipeline.params()["run"]
    return read


def test_every_entry_of_params_is_valid(grid: dict[str, list[str]]) -> None:
    for name in grid["datasets"]:
        pipeline.section(DatasetSpec, f"datasets.{name}")
        for model in grid["models"]:
            recipe = pipeline.model_section(RecipeSpec, model, name)
            pipeline.section(ModelSpec, f"networks.{recipe.network or name}")
        for baseline in grid["baselines"]:
            pipeline.entry(baselines, f"baselines.{baseline}", name)
    assert pipeline.compute().processes(8) >= 1
    assert pipeline.seed() >= 0


def test_the_tolerance_of_the_check_is_valid() -> None:
    pipeline.section(Tolerance, "reproduction")


def test_the_searches_start_from_what_stands_in_params(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in sorted((ROOT / "sweep").glob("*/params.yaml")):
        monkeypatch.chdir(folder.parent)
        sweep = read_sweep()
        first = sweep.written(sweep.default())
        stands = {key: lookup(pipeline.params(), key) for key in first}
        if folder.parent.name == "banknote":
            # Of this table's four features, null is three.
            stands["networks.deep.latent_size"] = 3
        assert first == stands


def test_the_studies_have_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "long")  # its params.yaml has what stands in the paper's too
    for name in STUDIES:
        trials = list(study(name).trials())
        assert len({(each.dataset, each.setting, each.label) for each in trials}) == len(trials) > 0


def test_the_ablation_changes_one_thing_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PAPER)
    trials = [each for each in study("ablation").trials() if each.dataset == "red"]
    assert len({json.dumps(each.method.to_mapping(), default=str) for each in trials}) == len(trials)


def test_params_holds_every_dial(grid: dict[str, list[str]]) -> None:
    """No default hides a dial: what the file says is what the object holds."""
    params = pipeline.params()
    for name, model in itertools.product(grid["datasets"], grid["models"]):
        written = params["models"][model]
        written = written if "missing_process" in written else written[name]
        written = {key: params[key] for key in pipeline.COMMON if key in params} | written
        written["training"] = params["training"] | written["training"]
        held = pipeline.model_section(RecipeSpec, model, name).to_mapping()
        if held["missing_process"].get("known", 0) is None:
            del held["missing_process"]["known"]  # no dial: what is learnt isn't known
        assert json.loads(json.dumps(held)) == {"network": None, **written}


def test_both_models_are_trained_alike() -> None:
    for name in GRID["datasets"]:
        assert PARAMS["models"]["miwae"][name]["training"] == PARAMS["models"]["notmiwae"][name]["training"]
        assert (
            PARAMS["models"]["miwae"][name]["imputation"] == PARAMS["models"]["notmiwae"][name]["imputation"]
        )
