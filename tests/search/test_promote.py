"""Promotion: the promoted lines of the real params.yaml change, and nothing else does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.training.recipe import RecipeSpec
from study.run.pipeline import model_section
from study.search.promote import EXAMPLES, main, replaced

ROOT = Path(__file__).parents[2]
OWN, SHARED = "models.notmiwae.gaussian", "recipes.gaussian"
MCAR = {"kind": "mcar"}
SELF = yaml.safe_load((ROOT / "params.yaml").read_text())["models"]["notmiwae"]["gaussian"]["missing_process"]
DIALS = {
    f"{SHARED}.training.learning_rate": 0.0333,
    f"{SHARED}.training.batch_size": 24,
    f"{SHARED}.training.steps": 600,
    f"{OWN}.missing_process": SELF | {"marginal": "sampled"},
    "networks.gaussian.encoder.hidden": [15],
}


def write_summary(path, dials=DIALS, **changes):
    best = {"trial": 7, "bound": -2.3, "rmse": 0.5, "crps": 0.2, "dials": dials}
    content = {
        "dataset": "gaussian", "model": "notmiwae", "seed": 1, "optuna": "5.0.0", "trials": {"complete": 9},
        "best": best, "default": {"trial": 0}, "bound_with_rmse": {"pearson": None},
    }  # fmt: skip
    path.write_text(json.dumps(content | changes))
    return path


@pytest.fixture
def promote(capsys):
    def run(*arguments):
        status = main(arguments)
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err)

    return run


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    write_summary(tmp_path / "best.json")
    return tmp_path


def test_only_the_promoted_lines_change(here, promote):
    before = (here / "params.yaml").read_text().splitlines()
    done = promote("best.json")
    assert done.status == 0
    after = (here / "params.yaml").read_text().splitlines()
    assert len(after) == len(before)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new.strip().split("#")[0].strip() for _, new in changed] == [
        "encoder: {kind: mlp, hidden: [15], activation: tanh}",
        "batch_size: 24",
        "learning_rate: 0.0333",
        "marginal: sampled",
    ]
    for old, new in changed:
        assert old.partition("#")[2] == new.partition("#")[2]
    assert done.out.splitlines() == [
        f"{SHARED}.training.learning_rate: 0.02 → 0.0333",
        f"{SHARED}.training.batch_size: 128 → 24",
        f"{OWN}.missing_process.marginal: exact → sampled",
        "networks.gaussian.encoder.hidden: [64] → [15]",
    ]
    recipe = model_section(RecipeSpec, "notmiwae", "gaussian")
    assert (recipe.training.learning_rate, recipe.training.batch_size) == (0.0333, 24)
    assert recipe.missing_process.marginal == "sampled"
    # A second time there's nothing left to do.
    again = promote("best.json")
    assert (again.status, again.out) == (0, "")
    assert "already" in again.err


def test_another_kind_of_process_takes_the_whole_entrys_place(here, promote):
    write_summary(here / "best.json", {f"{OWN}.missing_process": MCAR})
    before = (here / "params.yaml").read_text()
    assert promote("best.json").status == 0
    after = (here / "params.yaml").read_text()
    assert "    gaussian:\n      missing_process: {kind: mcar}\n    ring:\n" in after
    assert model_section(RecipeSpec, "notmiwae", "gaussian").missing_process.kind == "mcar"
    expected = yaml.safe_load(before)
    expected["models"]["notmiwae"]["gaussian"]["missing_process"] = MCAR
    assert yaml.safe_load(after) == expected


def test_a_dry_run_says_the_same_and_writes_nothing(here, promote):
    before = (here / "params.yaml").read_bytes()
    dry = promote("best.json", "--dry-run")
    assert (here / "params.yaml").read_bytes() == before
    assert dry.out == promote("best.json").out != ""


def test_another_file_is_named(here, promote):
    shutil.copy("params.yaml", "other.yaml")
    before = (here / "params.yaml").read_bytes()
    assert promote("best.json", "--params", "other.yaml").status == 0
    assert (here / "params.yaml").read_bytes() == before
    assert "learning_rate: 0.0333" in (here / "other.yaml").read_text()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda here: (here / "best.json").unlink(), "best.json: no such file"),
        (lambda here: (here / "params.yaml").unlink(), "params.yaml: no such file"),
        (lambda here: (here / "best.json").write_text("{"), "can't be read as JSON"),
        (
            lambda here: (here / "best.json").write_text("[1]"),
            "make sweep",
        ),
        (
            lambda here: write_summary(here / "best.json", best={"trial": 1}),
            "accepted: the JSON",
        ),
        (lambda here: write_summary(here / "best.json", {}), "make sweep"),
        (lambda here: write_summary(here / "best.json", {f"{SHARED}.training.rate": 1}), "no key 'rate'"),
    ],
)
def test_what_does_not_fit_is_one_line_and_changes_nothing(here, promote, spoil, said):
    spoil(here)
    params = here / "params.yaml"
    before = params.read_bytes() if params.exists() else None
    refused = promote("best.json")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith("error: ")
    assert refused.err.count("\n") == 1
    assert said in refused.err
    assert (params.read_bytes() if params.exists() else None) == before


def test_dvc_names_the_stages_that_read_them_and_no_others(here, promote):
    for name in ("dvc.yaml", "dvc.lock"):
        shutil.copy(ROOT / name, here)
    shutil.copytree(ROOT / ".dvc", here / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    config = here / ".dvc/config"
    config.write_text(config.read_text().replace("[core]\n", "[core]\n    no_scm = true\n"))

    def touched() -> set[str]:
        command = [sys.executable, "-m", "dvc", "status", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        # Nothing else is in this folder: of what DVC misses, the dials are what counts.
        return {
            stage
            for stage, changes in json.loads(done.stdout).items()
            for change in changes
            if isinstance(change, dict) and "params.yaml" in change.get("changed deps", {})
        }

    before = touched()
    assert promote("best.json").status == 0
    # MIWAE has the same networks.
    both = {"train@gaussian-notmiwae", "train@gaussian-miwae"}
    # A model's own entry holds what it imputes with, too.
    assert touched() - before == both | {"impute@gaussian-notmiwae"}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a:\n  b:\n  c: 1\n", "a:\n  b: 4\n  c: 1\n"),
        ("a:\n  b:   # none\n", "a:\n  b: 4   # none\n"),
        ("a: {b: , c: 1}\n", "a: {b: 4 , c: 1}\n"),
        ("a: {c: 1, b}\n", "a: {c: 1, b: 4}\n"),
        ("a:\n  b:", "a:\n  b: 4"),
    ],
)
def test_an_empty_value_is_replaced_too(text, after):
    assert replaced(text, "a.b", 4) == after


def test_what_cannot_be_changed_in_place_is_said(here, promote):
    text = "models: &all {rate: 1}\nother: *all\n"
    (here / "params.yaml").write_text(text)
    write_summary(here / "best.json", {"other.rate": 2})
    assert "can't be changed in place" in promote("best.json").err
    assert (here / "params.yaml").read_text() == text


def test_its_examples_run(promote, monkeypatch):
    monkeypatch.chdir(ROOT)
    command = "  python -m study.search.promote "
    examples = [line.removeprefix(command) for line in EXAMPLES.splitlines() if line.startswith(command)]
    assert len(examples) == 3
    for typed in examples:
        tried = promote(*typed.removesuffix(" --dry-run").split(), "--dry-run")
        assert tried.status == 0, tried.err


def test_its_help_has_examples_and_wrong_usage_is_status_2(tmp_path):
    def typed(*arguments):
        command = [sys.executable, "-m", "study.search.promote", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    said = typed("--help")
    assert said.returncode == 0
    assert "  python -m study.search.promote sweep/" in said.stdout.split("examples:")[1]
    wrong = typed("best.json", "--params")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("usage: python -m study.search.promote")
    assert typed("best.json").stderr == "error: best.json: no such file; `make sweep` writes it\n"


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(0.001, 100)
    | st.sampled_from(["x", "y: z", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1), VALUES, st.sampled_from([None, True, False]), st.data())
def test_any_value_takes_any_others_place_and_the_rest_stays(document, value, flow, data):
    section = {"first": 1, "section": document, "last": [2]}
    text = yaml.safe_dump(section, default_flow_style=flow, sort_keys=False)
    key = data.draw(st.sampled_from(sorted(document)))
    after = replaced(text, f"section.{key}", value)
    assert yaml.safe_load(after) == section | {"section": document | {key: value}}
