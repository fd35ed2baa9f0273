"""params.yaml: what is wrong is named in one line, and every object describes itself."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.errors import NotMIWAEError, ParameterError
from notmiwae.mechanisms.mechanism import mechanisms
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.networks import networks
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.model.observation.observation_model import observations
from notmiwae.model.priors import priors
from notmiwae.specs import Registry, Spec, parse_entry, parse_spec
from notmiwae.training.recipe import RecipeSpec
from study.baselines.baseline import baselines
from study.data.datasets import DatasetSpec
from study.data.sources.source import sources
from study.evaluation.metrics.metric import metrics
from study.run.params_file import lookup, read_params
from study.run.pipeline import model_section

PARAMS = Path(__file__).parents[1] / "params.yaml"
WHERE = "params.yaml: models.notmiwae.ring"

RECIPE = {
    "missing_process": {"kind": "self_masking", "direction": "high"},
    "training": {"steps": 10},
    "imputation": {"samples": 5},
}


def message(error):
    """The one line of an error that a user can act on."""
    assert isinstance(error.value, ParameterError)
    assert isinstance(error.value, NotMIWAEError)
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


def changed(entry, path, value):
    """A copy of a nested mapping with the value at a dotted path replaced; `...` deletes it."""
    copy = json.loads(json.dumps(entry))
    *parents, last = path.split(".")
    inner = copy
    for part in parents:
        inner = inner[part]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return copy


# --- wrong fields


@pytest.mark.parametrize(
    ("path", "value", "found", "accepted"),
    [
        ("training.steps", -5, "-5", "greater than 0"),
        ("training.samples", 0, "0", "greater than 0"),
        ("training.steps", 2.5, "2.5", "integer"),
        ("training.steps", "many", "'many'", "integer"),
        ("training.learning_rate", -0.1, "-0.1", "greater than 0"),
        ("training.decay", 1.5, "1.5", "less than or equal to 1"),
        ("training.held_out", 1.0, "1.0", "less than 1"),
        ("training", 7, "7", "dictionary"),
        ("imputation.draws", -1, "-1", "greater than or equal to 0"),
        ("missing_process.direction", "up", "'up'", "'high', 'low' or 'unknown'"),
        ("missing_process.initial_slope", 0, "0", "greater than 0"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_key_and_what_is_accepted(path, value, found, accepted):
    with pytest.raises(ParameterError) as error:
        parse_spec(RecipeSpec, changed(RECIPE, path, value), WHERE)
    text = message(error)
    assert text.startswith(f"{WHERE}.{path}: ")
    assert f"(found {found})" in text
    assert accepted in text


@pytest.mark.parametrize(
    ("path", "meant", "accepted"),
    [
        ("trainin", "training", "imputation"),
        ("training.step", "steps", "batch_size"),
        ("missing_process.initial_slop", "initial_slope", "direction"),
        ("imputation.sample", "samples", "draws"),
    ],
)
def test_a_misspelt_key_is_named_with_the_key_that_was_meant_and_all_that_are_accepted(path, meant, accepted):
    with pytest.raises(ParameterError) as error:
        parse_spec(RecipeSpec, changed(RECIPE, path, 3), WHERE)
    text = message(error)
    assert text.startswith(f"{WHERE}.{path}: unknown key")
    assert f"did you mean {meant!r}?" in text
    assert accepted in text


def test_a_misspelt_key_of_a_registered_kind_is_named_with_those_accepted():
    with pytest.raises(ParameterError) as error:
        parse_entry(baselines, {"kind": "knn", "neighbors": 5}, "params.yaml: baselines.knn")
    text = message(error)
    assert text.startswith("params.yaml: baselines.knn.neighbors: unknown key")
    assert "did you mean 'neighbours'?" in text


def test_a_required_key_that_is_misspelt_is_called_unknown_not_only_absent():
    entry = changed(changed(RECIPE, "training.steps", ...), "training.stepss", 10)
    with pytest.raises(ParameterError) as error:
        parse_spec(RecipeSpec, entry, WHERE)
    assert "stepss" in message(error)


@pytest.mark.parametrize("path", ["training", "training.steps", "missing_process"])
def test_a_required_key_that_is_absent_is_named(path):
    with pytest.raises(ParameterError) as error:
        parse_spec(RecipeSpec, changed(RECIPE, path, ...), WHERE)
    assert message(error) == f"{WHERE}.{path}: this key is required and absent"


# --- wrong kinds


@pytest.mark.parametrize("kind", ["self_maskin", "", None, 3, True, ["self_masking"], {"a": 1}], ids=repr)
def test_an_unknown_kind_is_named_with_all_that_are_known(kind):
    entry = changed(RECIPE, "missing_process.kind", kind)
    for parse in (
        lambda: parse_spec(RecipeSpec, entry, WHERE),
        lambda: parse_entry(processes, entry["missing_process"], f"{WHERE}.missing_process"),
    ):
        with pytest.raises(ParameterError) as error:
            parse()
        text = message(error)
        assert text.startswith(f"{WHERE}.missing_process: ")
        assert repr(kind) in text
        assert all(name in text for name in processes.names())


def test_a_nearly_right_kind_is_answered_with_the_right_one():
    with pytest.raises(ParameterError, match=r"unknown baseline 'missforrest'; did you mean 'missforest'\?"):
        parse_entry(baselines, {"kind": "missforrest"}, "params.yaml: baselines.missforest")


@pytest.mark.parametrize("entry", [{}, {"direction": "high"}, "self_masking", None, 3, ["kind"]], ids=repr)
def test_an_entry_without_a_kind_is_told_what_it_needs(entry):
    with pytest.raises(ParameterError) as error:
        parse_spec(RecipeSpec, changed(RECIPE, "missing_process", entry), WHERE)
    text = message(error)
    assert text.startswith(f"{WHERE}.missing_process: a missing process is a mapping with a `kind`, one of ")
    assert "self_masking" in text


@pytest.mark.parametrize(
    ("entry", "start"),
    [
        ({"mean": [0.0, 0.0, 0.0]}, "d.source"),
        ({"mean": [0.0, float("nan")]}, "d.source.mean"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "d.source.covariance"),
        ({"covariance": [[1.0, 0.5], [0.4, 1.0]]}, "d.source.covariance"),
        ({"covariance": [[1.0, 0.5]]}, "d.source.covariance"),
        ({"covariance": [[float("inf"), 0.0], [0.0, 1.0]]}, "d.source.covariance"),
        ({"rows": 0}, "d.source.rows"),
    ],
)
def test_an_impossible_gaussian_is_refused_when_it_is_read_not_when_it_is_drawn(entry, start):
    source = {"kind": "gaussian", "rows": 5, "mean": [0.0, 0.0], "covariance": [[1.0, 0.8], [0.8, 1.0]]}
    with pytest.raises(ParameterError) as error:
        parse_spec(
            DatasetSpec,
            {"source": source | entry, "mechanism": {"kind": "threshold"}, "replicates": 1},
            "d",
        )
    assert message(error).startswith(start)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_patch_that_does_not_divide_the_image_is_refused_when_it_is_read(part):
    network = {"kind": f"patch_{part}", "height": 28, "width": 28, "patch": 5}
    with pytest.raises(ParameterError, match="5 doesn't divide an image of 28 × 28") as error:
        parse_spec(ModelSpec, {"latent_size": 2, part: network}, "params.yaml: networks.mnist")
    assert message(error).startswith(f"params.yaml: networks.mnist.{part}")


# --- the file


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ParameterError) as error:
        read_params(tmp_path / "params.yaml")
    assert message(error).startswith(f"{tmp_path / 'params.yaml'}: no such file")


@pytest.mark.parametrize(
    ("text", "line"),
    # libyaml misses what should follow a bracket that the file ends with on the next line.
    [("a: [1, 2", 1), ("a: b: c", 1), ("\tx: 1", 1), ("{", 2), ("a: &x *y", 1)],
    ids=repr,
)
def test_what_is_no_yaml_is_named_with_its_line(tmp_path, text, line):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParameterError) as error:
        read_params(path)
    found = message(error)
    assert found.startswith(f"{path}: not valid YAML: ")
    assert f"line {line}," in found


@pytest.mark.parametrize(("text", "kind"), [("", "NoneType"), ("[1, 2]", "list"), ("seed", "str")])
def test_a_file_without_sections_is_named(tmp_path, text, kind):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParameterError) as error:
        read_params(path)
    assert message(error) == f"{path}: holds {kind}, expected a mapping of sections"


def test_a_folder_in_the_files_place_is_named(tmp_path):
    with pytest.raises(ParameterError) as error:
        read_params(tmp_path)
    assert message(error).startswith(f"{tmp_path}: ")


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes(b"seed: 1 # \xff\n")
    with pytest.raises(ParameterError) as error:
        read_params(path)
    assert message(error).startswith(f"{path}: ")


def test_yaml_never_builds_objects(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: !!python/object/apply:os.getcwd []")
    with pytest.raises(ParameterError, match="not valid YAML"):
        read_params(path)


# --- keys


def test_a_dotted_key_finds_its_value():
    assert lookup({"a": {"b": {"c": [1]}}}, "a.b.c") == [1]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (
            "modls.ring",
            "params.yaml: no key 'modls' in the top level; did you mean 'models'? accepted: models, seed",
        ),
        ("models.rin", "params.yaml: no key 'rin' in models; did you mean 'ring'? accepted: ring"),
        ("models.ring.k", "params.yaml: no key 'k' in models.ring; accepted: steps"),
        ("seed.k", "params.yaml: no key 'k' in seed; accepted: "),
    ],
)
def test_an_absent_key_is_named_with_what_stands_there(key, text):
    with pytest.raises(ParameterError) as error:
        lookup({"models": {"ring": {"steps": 3}}, "seed": 1}, key)
    assert message(error) == text


# --- objects that describe themselves

IMAGE = {"height": 8, "width": 8}
GAUSSIAN = {"rows": 9, "mean": [0.0, 1.0], "covariance": [[1.0, 0.5], [0.5, 1.0]]}
REQUIRED = {
    ("network", "patch_encoder"): IMAGE,
    ("network", "patch_decoder"): IMAGE,
    ("data set", "gaussian"): GAUSSIAN,
    ("data set", "mnist"): {"file": "a.npz", "sha256": "0" * 64, "images": 3},
    ("data set", "csv"): {"file": "a.csv", "sha256": "0" * 64},
    ("data set", "table"): {"file": "a.csv", "sha256": "0" * 64},
    ("data set", "spikein"): {
        "file": "a.csv",
        "sha256": "0" * 64,
        "low": ["a"],
        "high": ["b"],
        "identifier": "c",
        "spiked": "d",
    },
    ("data set", "scikit_learn"): {"name": "wine"},
    ("observation model", "categorical"): {"categories": 3},
    ("observation model", "mixed"): {"parts": [{"columns": [0], "observation": {"kind": "bernoulli"}}]},
    ("mechanism", "self_masking_logistic"): {"rate": 0.3, "slope": 2.0},
    ("mechanism", "joint_dropout"): {"rate": 0.3, "slope": 2.0},
    ("mechanism", "angular_sector"): {"columns": ["a"], "axes": ["a", "b"], "start_pi": 0.25, "stop_pi": 0.5},
    ("mechanism", "disc_threshold"): {**IMAGE, "centre": [4, 4], "radius": 2, "threshold": 0.5},
}
"""Fields that have to be given and for which the values below won't do."""
SIMPLE = {"integer": 9, "number": 0.5, "string": "a", "array": ["a"]}
REGISTRIES = [baselines, mechanisms, metrics, networks, observations, priors, processes, sources]
REGISTERED = [(registry, name) for registry in REGISTRIES for name in registry.names()]
EVERY_CLASS = pytest.mark.parametrize(("registry", "name"), REGISTERED, ids=[name for _, name in REGISTERED])


def default(registry, name):
    fields = REQUIRED.get((registry.what, name))
    if fields is None:
        schema = registry._classes[name].model_json_schema()
        fields = {field: SIMPLE[schema["properties"][field]["type"]] for field in schema.get("required", [])}
    return registry.parse({"kind": name, **fields})


@EVERY_CLASS
def test_every_class_describes_itself(registry, name):
    spec = default(registry, name)
    mapping = spec.to_mapping()
    assert next(iter(mapping.items())) == ("kind", name)
    assert registry.parse(mapping) == spec
    # And through the two formats that the mapping is written in.
    text = json.dumps(mapping, default=str)
    assert registry.parse(json.loads(text)) == spec
    assert registry.parse(yaml.safe_load(text)) == spec


@EVERY_CLASS
def test_every_class_is_immutable_and_refuses_unknown_keys(registry, name):
    spec = default(registry, name)
    with pytest.raises(ParameterError, match="unknown key"):
        parse_entry(registry, spec.to_mapping() | {"no_such_key": 1}, "here")
    with pytest.raises(ValueError, match="frozen"):
        spec.kind_of = 1


def test_nested_entries_are_described_with_their_kinds():
    spec = parse_spec(
        ModelSpec,
        {"latent_size": 3, "encoder": {"kind": "mlp", "hidden": [5]}, "decoder": {"kind": "linear"}},
        "here",
    )
    mapping = spec.to_mapping()
    assert mapping["encoder"]["kind"] == "mlp"
    assert mapping["decoder"] == {"kind": "linear"}
    assert ModelSpec.model_validate(mapping) == spec
    assert ModelSpec.model_validate(json.loads(json.dumps(mapping))) == spec


def test_a_registered_object_is_taken_as_it_is():
    spec = baselines.parse({"kind": "knn", "neighbours": 3})
    assert baselines.parse(spec) is spec


def test_a_name_is_registered_once():
    registry = Registry("thing", "notmiwae.errors")
    registry.register("a")(type("A", (Spec,), {}))
    with pytest.raises(KeyError, match="thing 'a' is registered twice"):
        registry.register("a")(type("B", (Spec,), {}))


@pytest.mark.parametrize("code", ["oh no", "absent", "import absent", "raise SystemError('why')"])
def test_a_module_that_cannot_be_imported_is_named_by_its_file_each_time(code, tmp_path, monkeypatch):
    """Beside it one that registers nothing, which is a place for what others share."""
    (tmp_path / "dropped_in").mkdir()
    for name, content in {"__init__": "", "shared": "x = 1", "broken": code}.items():
        (tmp_path / f"dropped_in/{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("thing", "dropped_in")
    for _ in range(2):
        with pytest.raises(ImportError, match=rf"^{tmp_path}/dropped_in/broken.py: no thing: .*\(") as raised:
            registry.parse({"kind": "broken"})
        assert raised.value.__cause__ is not None
    (tmp_path / "dropped_in/broken.py").write_text("")
    assert registry.names() == []
    for name in ("dropped_in", "dropped_in.shared", "dropped_in.broken"):
        del sys.modules[name]


@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=8), max_size=4))
def test_whatever_stands_in_an_entry_the_error_is_one_line(entry):
    for parse in (
        lambda: parse_spec(RecipeSpec, entry, WHERE),
        lambda: parse_entry(processes, entry, WHERE),
        lambda: parse_entry(processes, {"kind": "self_masking", "no such": 1, **entry}, WHERE),
    ):
        with pytest.raises(ParameterError) as error:
            parse()
        assert message(error).startswith(WHERE)


# --- the experiment's own file


def test_every_entry_of_the_experiment_is_valid(monkeypatch):
    monkeypatch.chdir(PARAMS.parent)
    params = read_params(PARAMS)
    for name, entry in params["datasets"].items():
        assert parse_spec(DatasetSpec, entry, name).replicates >= 1
    for name, entry in params["networks"].items():
        assert parse_spec(ModelSpec, entry, name).latent_size >= 1
    for model, recipes in params["models"].items():
        for name in recipes:
            assert model_section(RecipeSpec, model, name).training.steps >= 1
