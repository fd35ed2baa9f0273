"""What the stages share: sections of params.yaml, what overrides what, and where things lie."""

import copy
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.errors import ParameterError
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.training.recipe import RecipeSpec
from study.baselines.baseline import baselines
from study.run import pipeline
from study.run.pipeline import cell_folder, merged, model_section

HIGH = {"kind": "self_masking", "direction": "high", "initial_slope": 2.0}
PARAMS = {
    "seed": 3,
    "run": {"datasets": ["b", "a"], "models": ["one"], "baselines": ["knn"], "oracles": []},
    "datasets": {"a": {"replicates": 2}, "b": {"replicates": 0}},
    "networks": {"deep": {"latent_size": None, "encoder": {"kind": "mlp", "hidden": [7], "skip": True}}},
    "training": {"steps": 10, "samples": 4},
    "imputation": {"samples": 50, "draws": 3},
    "models": {
        "one": {"network": "deep", "missing_process": HIGH, "members": 3},
        "own": {"missing_process": HIGH, "training": {"samples": 9}, "imputation": {"draws": 0}},
        "each": {
            "a": {"missing_process": {"kind": "ignorable"}, "training": {"steps": 20}},
            "b": {"missing_process": HIGH},
        },
    },
    "baselines": {"knn": {"kind": "knn", "neighbours": 5, "overrides": {"a": {"neighbours": 2}}}},
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(PARAMS)


def write(params):
    Path("params.yaml").write_text(yaml.safe_dump(params))


# --- merged


@pytest.mark.parametrize(
    ("entry", "changes", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ({"a": {"b": 1, "c": {"d": 2}}}, {"a": {"c": {"e": 3}}}, {"a": {"b": 1, "c": {"d": 2, "e": 3}}}),
        ({"a": 1}, {"b": {"c": 2}}, {"a": 1, "b": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        # Of the same kind, or of none: merged; of another kind: another object.
        ({"kind": "mlp", "skip": True}, {"hidden": [3]}, {"kind": "mlp", "skip": True, "hidden": [3]}),
        ({"kind": "mlp", "skip": True}, {"kind": "mlp", "skip": False}, {"kind": "mlp", "skip": False}),
        ({"kind": "mlp", "skip": True}, {"kind": "linear"}, {"kind": "linear"}),
        ({"n": {"kind": "mlp", "skip": True}}, {"n": {"kind": "linear"}}, {"n": {"kind": "linear"}}),
    ],
    ids=str,
)
def test_changes_are_merged_key_by_key_but_for_another_kind(entry, changes, expected):
    before = copy.deepcopy((entry, changes))
    assert merged(entry, changes) == expected
    assert (entry, changes) == before


ENTRIES = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["x", "y"]),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "kind"]), inner, max_size=3),
    max_leaves=6,
)


@given(ENTRIES, ENTRIES)
def test_what_changes_say_holds_and_saying_it_twice_says_no_more(entry, changes):
    once = merged(entry, changes)
    assert merged(once, changes) == once
    if isinstance(entry, dict):
        assert merged(entry, {}) == entry
        for name in set(entry) - set(changes) if isinstance(changes, dict) else ():
            assert once.get(name, entry[name]) == entry[name]


# --- models


def test_what_all_models_share_holds_where_a_model_says_nothing():
    recipe = model_section(RecipeSpec, "one", "a")
    assert (recipe.training.steps, recipe.training.samples) == (10, 4)
    assert (recipe.imputation.samples, recipe.imputation.draws) == (50, 3)
    assert (recipe.network, recipe.members) == ("deep", 3)
    assert recipe == model_section(RecipeSpec, "one", "a data set of which the model says nothing")


def test_a_models_own_dials_hold_and_the_rest_is_shared():
    recipe = model_section(RecipeSpec, "own", "a")
    assert (recipe.training.steps, recipe.training.samples) == (10, 9)
    assert (recipe.imputation.samples, recipe.imputation.draws) == (50, 0)


def test_a_model_may_have_a_recipe_for_each_data_set():
    assert model_section(RecipeSpec, "each", "a").missing_process.kind == "ignorable"
    assert model_section(RecipeSpec, "each", "a").training.steps == 20
    assert model_section(RecipeSpec, "each", "b").missing_process.kind == "self_masking"
    assert model_section(RecipeSpec, "each", "b").training.steps == 10


def test_changes_reach_what_is_shared_and_what_is_not():
    plain = model_section(RecipeSpec, "one", "a")
    changes = {"members": 1, "training": {"steps": 7}, "missing_process": {"direction": "low"}}
    changed = model_section(RecipeSpec, "one", "a", changes)
    assert (changed.members, changed.training.steps, changed.training.samples) == (1, 7, 4)
    assert (changed.missing_process.direction, changed.missing_process.initial_slope) == ("low", 2.0)
    assert model_section(RecipeSpec, "one", "a", {}) == plain
    other = model_section(RecipeSpec, "one", "a", {"missing_process": {"kind": "ignorable"}})
    assert other.missing_process.to_mapping() == {"kind": "ignorable"}


def test_a_file_without_shared_sections_needs_them_in_the_models():
    write({name: value for name, value in PARAMS.items() if name not in pipeline.COMMON})
    with pytest.raises(ParameterError, match=r"^params.yaml: models.one.training: this key is required"):
        model_section(RecipeSpec, "one", "a")
    assert model_section(RecipeSpec, "one", "a", {"training": {"steps": 2}}).training.steps == 2


@pytest.mark.parametrize(
    ("model", "dataset", "changes", "said"),
    [
        ("onne", "a", {}, "no key 'onne' in models; did you mean 'one'"),
        ("each", "c", {}, "no key 'c' in models.each"),
        ("one", "a", {"trainin": {}}, "models.one.trainin: unknown key; did you mean 'training'"),
        ("each", "b", {"training": {"step": 3}}, "models.each.b.training.step: unknown key"),
        ("one", "a", {"training": 3}, "params.yaml: training: "),
    ],
)
def test_what_does_not_fit_is_one_line_with_its_place(model, dataset, changes, said):
    with pytest.raises(ParameterError) as error:
        model_section(RecipeSpec, model, dataset, changes)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_sections_changes_are_merged_into_it():
    spec = pipeline.section(ModelSpec, "networks.deep", {"encoder": {"skip": False}})
    assert (spec.latent_size, spec.encoder.hidden, spec.encoder.skip) == (None, (7,), False)
    assert pipeline.section(ModelSpec, "networks.deep").encoder.skip


# --- data sets, and where things lie


def test_all_names_the_data_sets_of_the_run_in_their_order():
    assert pipeline.datasets("all") == ("b", "a")
    assert pipeline.datasets("a") == ("a",)
    assert pipeline.datasets("elsewhere") == ("elsewhere",)


def test_a_cells_folder_is_within_its_methods_which_holds_all_data_sets():
    one, whole = (cell_folder(pipeline.MODELS, name, "miwae") for name in ("a", "all"))
    assert one == Path("models/miwae/a")
    assert whole == Path("models/miwae") == one.parent
    assert pipeline.replicate_folder(one, 4) == Path("models/miwae/a/004")


def test_a_baselines_entry_may_differ_by_data_set():
    found = {name: pipeline.entry(baselines, "baselines.knn", name).neighbours for name in ("a", "b", "")}
    assert found == {"a": 2, "b": 5, "": 5}


def test_numbers_are_checked():
    assert (pipeline.seed(), pipeline.replicates("a")) == (3, 2)
    with pytest.raises(ParameterError, match=r"^params.yaml: datasets.b.replicates: .*1 or more, found 0$"):
        pipeline.replicates("b")


def test_every_section_of_both_pipelines_is_known_and_no_other():
    for known in set(pipeline.SECTIONS) - {"extends"}:
        write({known: 1})
        assert pipeline.params() == {known: 1}
    write({"ablations": 1})
    with pytest.raises(ParameterError, match=r"unknown section 'ablations'; did you mean 'ablation'"):
        pipeline.params()


def test_a_params_file_takes_from_another_what_it_does_not_say_itself(tmp_path):
    """Files are then named as seen from here."""
    source = {"kind": "csv", "file": "../data/a.csv"}
    (tmp_path / "base").mkdir()
    (tmp_path / "base/params.yaml").write_text(
        yaml.safe_dump({"seed": 1, "training": {"steps": 3}, "datasets": {"a": {"source": source}}})
    )
    write({"extends": "base/params.yaml", "training": {"steps": 4}})
    expected = {
        "seed": 1,
        "training": {"steps": 4},
        "datasets": {"a": {"source": {**source, "file": "base/../data/a.csv"}}},
    }
    assert pipeline.params() == expected
    write({"extends": 3})
    with pytest.raises(ParameterError, match=r"extends: found 3; accepted: the path of a params.yaml"):
        pipeline.params()
    (tmp_path / "base/params.yaml").write_text("extends: ../elsewhere.yaml\n")
    write({"extends": "base/params.yaml"})
    with pytest.raises(ParameterError, match=r"^base/params.yaml: extends .*that stands alone"):
        pipeline.params()
    (tmp_path / "base/params.yaml").write_text("sed: 1\n")
    with pytest.raises(ParameterError, match=r"^base/params.yaml: unknown section 'sed'; did you"):
        pipeline.params()
    write({"run": {"methods": ["knn"]}})
    with pytest.raises(ParameterError, match=r"methods"):
        pipeline.params()
    write({"extends": "nowhere.yaml"})
    with pytest.raises(ParameterError, match=r"nowhere.yaml"):
        pipeline.params()


@pytest.mark.parametrize(
    "given",
    [
        ["all", "miwae"],
        ["--dataset", "all", "--model", "miwae"],
        ["--model=miwae", "--dataset", "all"],
        ["--model", "miwae", "all"],
        ["all", "--model", "miwae"],
    ],
)
def test_a_stages_arguments_are_named_or_in_order(given, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train", *given])
    assert pipeline.arguments("dataset", "model") == ["all", "miwae"]


@pytest.mark.parametrize("name", ["../../src", "/etc", "a; touch b", "a/b", "$HOME", ".", "-x", "a\nb", ""])
def test_a_name_that_is_to_be_part_of_a_path_is_a_word(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train", f"--dataset={name}"])
    with pytest.raises(ParameterError, match=r"^dataset: found .*; accepted: a name of letters, digits"):
        pipeline.arguments("dataset")


def test_a_stage_has_as_many_arguments_as_it_names(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train", "all", "miwae"])
    for names in (("dataset",), ("a", "b", "c"), ()):
        with pytest.raises(ParameterError, match=f"expected {len(names)} argument"):
            pipeline.arguments(*names)
