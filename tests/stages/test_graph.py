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
from study.evaluation.side_studies import SIDE_STUDIES, side_study
from study.reproduction.check import SHOWN
from study.reproduction.checkout import repositories
from study.reproduction.corners import ReproductionSpec, narrow
from study.run import pipeline
from study.run.params_file import lookup
from study.search.sweep_spec import read_sweep

ROOT = Path(__file__).parents[2]
STAGES = ROOT / "stages"
SOURCE = ROOT / "src"
PACKAGES = ("notmiwae", "study")
PAPER = ROOT / "paper"
IMAGES = ROOT / "images"
LADDER = ROOT / "ladder"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
PAPER_PARAMS = yaml.safe_load((PAPER / "params.yaml").read_text())
GRID, PAPER_GRID = PARAMS["run"], PAPER_PARAMS["run"]


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


REPOSITORIES = [ROOT, *(ROOT / name for name in repositories(ROOT)[1:])]
"""Each pipeline is a DVC repository of its own, so that a command at the root is about the study alone."""
FOLDERS = ("", "*/", "*/*/")
PIPELINES = [file for folder in FOLDERS for file in sorted(ROOT.glob(f"{folder}dvc.yaml"))]
PARAMS_FILES = [file for folder in FOLDERS for file in sorted(ROOT.glob(f"{folder}params.yaml"))]


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
    expected = {"evaluate", "report"}
    for stage, names in {
        "generate": product(data),
        "mask": product(data),
        "train": product(data, models),
        "impute": product(data, models),
        "baseline": product(data, GRID["baselines"]),
        "estimator": product(data, GRID["estimators"]),
        "oracle": product(GRID["oracles"]),
        "figures": product(data),
    }.items():
        expected |= {f"{stage}@{name}" for name in names}
    assert {stage.name for stage in repo.index.stages} == expected


def test_the_papers_graph_has_a_stage_for_every_method_and_table(repos: dict[Path, Repo]) -> None:
    expected = {"evaluate", "benchmark"}
    for stage, names in {
        "table": PAPER_GRID["datasets"],
        "train": PAPER_GRID["models"],
        "impute": PAPER_GRID["models"],
        "baseline": PAPER_GRID["baselines"],
        "side_study": {"ablation", "missing_rate"},
    }.items():
        expected |= {f"{stage}@{name}" for name in names}
    assert {stage.name for stage in repos[PAPER].index.stages} == expected


def test_every_side_study_has_a_stage(repos: dict[Path, Repo]) -> None:
    names = [stage.name.partition("@") for stage in all_stages(repos)]
    assert {study for stage, _, study in names if stage == "side_study"} == set(SIDE_STUDIES)


def test_no_graph_is_so_large_that_dvc_is_slow(repos: dict[Path, Repo]) -> None:
    """Its cost grows with the square of the number of stages."""
    assert all(len(repo.index.stages) <= 60 for repo in repos.values())


def texts(entry: Any) -> Iterator[str]:
    """All texts of a graph but its descriptions and the paths of code."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            yield str(key)
            yield from () if key == "desc" else texts(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from texts(value)
    elif not str(entry).startswith(("src/", "../src/")):
        yield str(entry)


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: str(file.parent.relative_to(ROOT)))
def test_no_graph_names_a_method(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method is added, and taken out, in params.yaml alone."""
    monkeypatch.chdir(file.parent)
    words = {word for text in texts(yaml.safe_load(file.read_text())) for word in re.findall(r"\w+", text)}
    params = pipeline.params()
    if "run" in params:
        assert words.isdisjoint(pipeline.grid().methods)
        assert words.isdisjoint(params["models"])
    else:
        assert words.isdisjoint({*params["ladder"]["methods"], *params["ladder"]["estimators"]})


@pytest.mark.parametrize("folder", [ROOT, PAPER, IMAGES], ids=["root", "paper", "images"])
def test_dvc_shows_the_metrics_of_all_cells(folder: Path) -> None:
    graph = yaml.safe_load((folder / "dvc.yaml").read_text())
    assert {"reports/metrics": {"cache": False}} in graph["stages"]["evaluate"]["outs"]
    assert graph["metrics"] == ["reports/metrics"]


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


def figures() -> set[str]:
    return {f"figures@{name}" for name in GRID["datasets"]}


def test_the_number_of_neighbours_concerns_knn_alone(repo: Repo) -> None:
    touched = readers(repo, "baselines.knn.neighbours")
    assert touched == {f"baseline@{name}-knn" for name in GRID["datasets"]}
    after = set().union(*(reached(repo, name) for name in touched))
    # Both go by the job: tests/stages/test_stage_scripts.py.
    assert after == {"evaluate", *figures(), "report"}


DIALS = {
    "recipes.ring.training.learning_rate": {"train@ring-notmiwae", "train@ring-miwae"},
    "recipes.ring.imputation.draws": {"impute@ring-notmiwae", "impute@ring-miwae"},
    "recipes.ring.members": {"train@ring-notmiwae", "train@ring-miwae"},
    "models.notmiwae.ring.missing_process.hidden": {"train@ring-notmiwae", "impute@ring-notmiwae"},
    "networks.ring.latent_size": {"train@ring-notmiwae", "train@ring-miwae"},
    "training.slack": {f"train@{name}" for name in product(GRID["datasets"], GRID["models"])},
    "compute.workers": set(),
}


@pytest.mark.parametrize("dial", DIALS)
def test_a_dial_is_read_by_the_cells_that_it_concerns(dial: str, repo: Repo) -> None:
    lookup(PARAMS, dial)
    assert readers(repo, dial) == DIALS[dial]


def test_a_model_leaves_the_other_model_and_the_baselines(repo: Repo) -> None:
    after = reached(repo, "train@ring-notmiwae")
    assert after == {"impute@ring-notmiwae", "evaluate", *figures(), "report"}


def sections_read(file: Path) -> dict[str, set[str]]:
    """The stages that read each section of the params.yaml beside a graph."""
    found: dict[str, set[str]] = {}
    for stage, entry in yaml.safe_load(file.read_text())["stages"].items():
        for key in (key for key in entry.get("params", []) if isinstance(key, str)):
            names = entry["matrix"]["study"] if key == "${item.study}" else [key.partition(".")[0]]
            for name in names:
                found.setdefault(name, set()).add(stage)
    return found


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: str(file.parent.relative_to(ROOT)))
def test_every_section_says_which_stages_read_it(file: Path) -> None:
    params = file.with_name("params.yaml").read_text()
    read = sections_read(file)
    for name in yaml.safe_load(params).keys() - {"seed", "extends"}:
        above = re.search(rf"^# -+ .+ -+\n((?:#.*\n)+){name}:", params, re.MULTILINE)
        assert above, f"{name} has no banner"
        said = re.search(r"^# Read by: ([\w, ]+)[.;]", above[1], re.MULTILINE)
        assert said, name
        assert {*said[1].split(", ")} == (read.get(name) or {"no stage"}), name


def test_every_stage_depends_on_its_script_and_on_the_locked_requirements(repos: dict[Path, Repo]) -> None:
    for stage in all_stages(repos):
        read = dependencies(stage)
        assert scripts(stage) <= read
        assert ROOT / "requirements.lock" in read


@pytest.mark.parametrize("folder", [ROOT, PAPER, IMAGES, LADDER], ids=["root", "paper", "images", "ladder"])
def test_a_lock_holds_the_stages_of_its_graph_and_no_former_ones(
    folder: Path, repos: dict[Path, Repo]
) -> None:
    """DVC leaves those that are gone, and whoever compares locks takes them for results."""
    locked = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert set(locked) == {stage.name for stage in repos[folder].index.stages}


def test_every_pipeline_is_found() -> None:
    assert {"images", "ladder", "long", "paper", "sweep"} <= {file.name for file in REPOSITORIES}
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


def turned(file: Path, folder: Path, *dials: str) -> str:
    """A params.yaml as `dvc exp run -S` writes it with dials turned."""
    from dvc.utils.hydra import apply_overrides

    written = folder / "params.yaml"
    shutil.copy(file, written)
    apply_overrides(written, list(dials))
    return written.read_text()


@pytest.mark.parametrize("file", PARAMS_FILES, ids=lambda file: str(file.parent.relative_to(ROOT)))
def test_params_have_the_layout_that_dvc_leaves(file: Path, tmp_path: Path) -> None:
    """`dvc exp run -S` writes the file anew: what it doesn't turn stays as it is, comments too."""
    params = yaml.safe_load(file.read_text())
    same = [f"{key}={value}" for key, value in params.items() if isinstance(value, int)]
    assert turned(file, tmp_path, *same) == file.read_text()


@pytest.mark.parametrize("file", PARAMS_FILES, ids=lambda file: str(file.parent.relative_to(ROOT)))
def test_no_comment_is_lost_with_a_list(file: Path, tmp_path: Path) -> None:
    """DVC's writer makes no valid YAML of a list that is emptied and has a comment beside its key."""
    params = yaml.safe_load(file.read_text())
    lists = [name for name, value in params.get("run", {}).items() if isinstance(value, list)]
    for new in ("[]", "[another]"):
        after = turned(file, tmp_path, *(f"run.{name}={new}" for name in lists))
        expected = {name: yaml.safe_load(new) for name in lists}
        assert yaml.safe_load(after) == params | ({"run": expected} if lists else {})
        assert after.count("#") == file.read_text().count("#")
    assert not re.search(r"^[\w -]+:[ ]+#.*\n\s*- ", file.read_text(), re.MULTILINE)


def test_a_dial_that_dvc_turns_is_the_one_line_that_changes(tmp_path: Path) -> None:
    file = ROOT / "params.yaml"
    after = turned(file, tmp_path, "baselines.knn.neighbours=3", "recipes.gaussian.training.samples=50")
    pairs = zip(file.read_text().splitlines(), after.splitlines(), strict=True)
    samples, neighbours = [new.strip() for old, new in pairs if old != new]
    assert samples.startswith("samples: 50 ")
    assert neighbours == "neighbours: 3"


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: file.parent.name)
def test_a_command_holds_nothing_of_params_but_a_cells_names_in_quotes(file: Path) -> None:
    """`${item}` is a mapping, of which DVC makes quoted options; any other value it puts in as it is."""
    for stage in yaml.safe_load(file.read_text())["stages"].values():
        commands = [stage["cmd"]] if isinstance(stage["cmd"], str) else stage["cmd"]
        for command in commands:
            assert re.fullmatch(r"python (\.\./)?stages \w+( --dataset all)?( \$\{item\})?", command)


@pytest.mark.parametrize("name", ["a; touch taken", "$(touch taken)", "`touch taken`", "a' || touch taken #"])
def test_a_name_with_a_command_in_it_is_not_run(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    params = PARAMS | {"run": GRID | {"datasets": [name], "oracles": []}}
    params["datasets"] = {name: PARAMS["datasets"]["gaussian"]}
    for section in ("networks", "recipes"):
        params[section] = {name: PARAMS[section]["gaussian"]}
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


def test_tolerance_and_corners_of_the_check_are_valid() -> None:
    spec = pipeline.section(ReproductionSpec, "reproduction")
    assert set(spec.fast) <= set(spec.corners) <= set(SHOWN) - {"."}
    for folder, corner in spec.corners.items():
        params = yaml.safe_load((ROOT / folder / "params.yaml").read_text())
        assert narrow(params, corner, folder) != params


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


def test_the_side_studies_have_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "long")  # its params.yaml has what stands in the paper's too
    for name in SIDE_STUDIES:
        cells = list(side_study(name).cells())
        assert len({(cell.dataset, cell.setting, cell.label) for cell in cells}) == len(cells) > 0


def test_the_ablation_changes_one_thing_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PAPER)
    cells = [cell for cell in side_study("ablation").cells() if cell.dataset == "red"]
    assert len({json.dumps(cell.method.to_mapping(), default=str) for cell in cells}) == len(cells)


def test_params_holds_every_dial(grid: dict[str, list[str]]) -> None:
    """No default hides a dial: what the file says is what the object holds."""
    params = pipeline.params()
    common = {name: params[name] for name in pipeline.COMMON if name in params}
    for name, model in itertools.product(grid["datasets"], grid["models"]):
        own, *shared = (lookup(params, key) for key in pipeline.recipe_keys(params, model, name))
        written = functools.reduce(pipeline.merged, [*shared, own], common)
        held = pipeline.model_section(RecipeSpec, model, name).to_mapping()
        if held["missing_process"].get("known", 0) is None:
            del held["missing_process"]["known"]  # no dial: what is learnt isn't known
        assert json.loads(json.dumps(held)) == {"network": None, **written}


def test_the_models_of_a_data_set_share_all_but_the_missing_process() -> None:
    for name in GRID["datasets"]:
        recipes = [pipeline.model_section(RecipeSpec, model, name) for model in GRID["models"]]
        shared = {recipe.model_copy(update={"missing_process": None}).model_dump_json() for recipe in recipes}
        assert len(shared) == 1


@pytest.mark.parametrize("script", sorted(STAGES.glob("*.py")), ids=lambda script: script.stem)
def test_a_stage_is_a_short_script(script: Path) -> None:
    assert len(script.read_text().splitlines()) <= 60


def test_a_stage_that_the_study_switches_off_depends_on_the_code_that_it_runs() -> None:
    """`run.estimators` is empty there, so that the graph holds none; own tables switch it on."""
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["estimator"]
    read = {ROOT / path for path in stage["deps"]}
    code = {path for path in read if path.is_relative_to(SOURCE)}
    modules = imported(STAGES / "estimator.py")
    assert not {module for module in modules if not any(module.is_relative_to(path) for path in code)}
    assert not {path for path in code if not any(module.is_relative_to(path) for module in modules)}
    assert {STAGES / "estimator.py", ROOT / "requirements.lock"} <= read
