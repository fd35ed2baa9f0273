"""Studies: what they compare, one thing changed at a time, on the same tables and masks."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from notmiwae.errors import ParameterError
from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.randomness import generator
from notmiwae.specs import parse_spec
from study.baselines.baseline import baselines
from study.data.datasets import DatasetSpec
from study.evaluation.from_scratch import Model, evaluate_from_scratch
from study.evaluation.side_studies import SIDE_STUDIES, Change, Recipes, model, side_study, with_offset
from study.run.pipeline import section

THRESHOLD = {"kind": "threshold", "columns": "first_half", "cut": {"statistic": "mean"}, "side": "upper"}


def table(rows, mechanism=THRESHOLD):
    covariance = [[1.0, 0.6, 0.3], [0.6, 1.0, 0.2], [0.3, 0.2, 1.0]]
    source = {"kind": "gaussian", "rows": rows, "mean": [0.0, 1.0, 2.0], "covariance": covariance}
    return {"source": source, "mechanism": mechanism, "replicates": 4}


VARIANTS = {
    "reference": {},
    "five members": {"model": {"members": 3}},
    "sampled": {"model": {"missing_process": {"marginal": "sampled"}}},
    "other process": {"model": {"missing_process": {"kind": "agnostic_linear"}}},
    "other steps": {"model": {"training": {"steps": 6}}},
    "no affine path": {"network": {"encoder": {"skip": False}}},
    "other decoder": {"network": {"decoder": {"kind": "mlp", "hidden": [4]}}},
}
RECIPES = [name for name, cls in SIDE_STUDIES.items() if cls is Recipes]
PARAMS = {
    "seed": 1,
    "datasets": {"a": table(60), "b": table(50)},
    "networks": {
        "deep": {
            "latent_size": None,
            "encoder": {"kind": "mlp", "hidden": [6], "skip": True},
            "decoder": {"kind": "linear"},
        }
    },
    "training": {"steps": 4, "check_every": 2, "samples": 3, "validation_samples": 3},
    "imputation": {"samples": 10, "draws": 3},
    "models": {
        "known": {"network": "deep", "missing_process": {"kind": "self_masking", "direction": "high"}},
        "miwae": {"network": "deep", "missing_process": {"kind": "ignorable"}},
    },
    "baselines": {"mean": {"kind": "mean"}, "knn": {"kind": "knn", "overrides": {"b": {"neighbours": 2}}}},
    "ablation": {"datasets": ["b", "a"], "replicates": 2, "model": "known", "variants": VARIANTS},
    **{name: {"datasets": ["a"], "replicates": 1, "models": ["miwae", "known"]} for name in RECIPES},
    "missing_rate": {
        "datasets": ["a", "b"],
        "replicates": 3,
        "offsets": [0, 0.5, 1],
        "models": ["known", "miwae"],
        "baselines": ["mean", "knn"],
    },
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(PARAMS)


def write(params):
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def altered(name, **changes):
    return PARAMS | {name: PARAMS[name] | changes}


# --- ablation


def test_the_ablation_tries_every_variant_on_every_table():
    trials = list(side_study("ablation").cells())
    assert [(each.dataset, each.label) for each in trials] == [(d, v) for d in "ba" for v in VARIANTS]
    assert {each.setting for each in trials} == {"-"}
    for each in trials:
        assert each.table == section(DatasetSpec, f"datasets.{each.dataset}")


def flat(mapping, above=""):
    found = {}
    for name, value in mapping.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return found


def test_a_variant_differs_from_the_reference_in_what_it_names_and_nothing_else():
    methods = {each.label: each.method for each in side_study("ablation").cells() if each.dataset == "a"}
    assert methods["reference"] == model("known", "a", Change())
    reference = flat(methods["reference"].to_mapping())
    changed = {}
    for label, method in methods.items():
        fields = flat(method.to_mapping())
        changed[label] = {name: value for name, value in fields.items() if reference.get(name) != value}
    assert changed.pop("other process") == {"recipe.missing_process.kind": "agnostic_linear"}
    other = changed.pop("other decoder")
    assert all(name.startswith("network.decoder.") for name in other)
    assert other["network.decoder.hidden"] == (4,)
    assert changed == {
        "reference": {},
        "five members": {"recipe.members": 3},
        "sampled": {"recipe.missing_process.marginal": "sampled"},
        "other steps": {"recipe.training.steps": 6},
        "no affine path": {"network.encoder.skip": False},
    }


def test_a_change_holds_for_all_models_and_a_variant_comes_on_top():
    changes = {"model": {"members": 2}, "network": {"encoder_sees_mask": False}}
    write(PARAMS | {name: PARAMS[name] | {"change": changes} for name in SIDE_STUDIES})
    for name in SIDE_STUDIES:
        for each in side_study(name).cells():
            if isinstance(each.method, Model):
                assert each.method.recipe.members == (3 if each.label == "five members" else 2)
                assert not each.method.network.encoder_sees_mask


def test_every_variant_can_be_run():
    for each in side_study("ablation").cells():
        if each.dataset == "a":
            (figures,) = evaluate_from_scratch(each.table, each.method, 1, [0])
            assert all(np.isfinite(value) for value in figures.values())


def test_a_model_takes_the_network_that_it_names_or_the_data_sets_own():
    params = altered("networks", a={"latent_size": 2, "decoder": {"kind": "linear"}})
    params["models"] = {"plain": {"missing_process": {"kind": "ignorable"}}} | PARAMS["models"]
    write(params)
    assert model("plain", "a", Change()).network.latent_size == 2
    assert model("known", "a", Change()).network.latent_size is None
    changed = model("plain", "b", Change(model={"network": "deep"}))
    assert changed.network == model("known", "b", Change()).network


# --- missing rate


def test_the_missing_rate_study_tries_every_method_at_every_offset_of_every_table():
    trials = list(side_study("missing_rate").cells())
    assert [(each.dataset, each.setting, each.label) for each in trials] == [
        (d, s, m) for d in "ab" for s in ("0", "0.5", "1") for m in ("known", "miwae", "mean", "knn")
    ]
    neighbours = {each.dataset: each.method.neighbours for each in trials if each.label == "knn"}
    assert neighbours == {"a": 5, "b": 2}


def test_the_missing_rate_falls_with_the_offset_as_the_normal_tail_does():
    spec = parse_spec(DatasetSpec, table(20_000), "here")
    complete = spec.source.draw(generator(0))
    rates = []
    for offset in (0, 0.5, 1):
        masked = apply_mechanism(with_offset(spec, offset).mechanism, complete, generator(0))
        rates.append(masked.isna().to_numpy().mean(axis=0))
    tail = np.array([0.5, 0.3085, 0.1587])
    affected = np.array(rates)[0] > 0
    assert 0 < affected.sum() < 3
    assert np.array(rates)[:, affected] == pytest.approx(np.tile(tail[:, None], affected.sum()), abs=0.015)
    assert not np.array(rates)[:, ~affected].any()


def test_an_offset_moves_the_cut_and_nothing_else():
    spec = parse_spec(DatasetSpec, table(50), "here")
    assert with_offset(spec, 0.0) == spec
    moved = with_offset(spec, 0.5)
    changed = flat(moved.to_mapping()).items() - flat(spec.to_mapping()).items()
    assert {name for name, _ in changed} == {"mechanism.cut.offset_sd"}
    assert with_offset(moved, 0.0) == spec


def test_a_larger_offset_hides_some_of_the_cells_and_no_others():
    spec = parse_spec(DatasetSpec, table(200), "here")
    complete = spec.source.draw(generator(0))
    hidden = [
        apply_mechanism(with_offset(spec, offset).mechanism, complete, generator(0)).isna().to_numpy()
        for offset in (0, 0.5, 1)
    ]
    assert (hidden[2] <= hidden[1]).all()
    assert (hidden[1] <= hidden[0]).all()
    assert hidden[0].sum() > hidden[1].sum() > hidden[2].sum() > 0


@pytest.mark.parametrize(
    "mechanism",
    [
        {"kind": "mcar", "rate": 0.3},
        THRESHOLD | {"cut": 0.4},
        THRESHOLD | {"cut": {"statistic": "quantile", "at": 0.6}},
    ],
    ids=["mcar", "number", "quantile"],
)
def test_only_a_threshold_at_the_mean_can_be_moved(mechanism):
    spec = parse_spec(DatasetSpec, table(50, mechanism), "here")
    with pytest.raises(ParameterError, match=r"^missing_rate: moves a threshold at the mean, found"):
        with_offset(spec, 0.5)


# --- whole recipes


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_compared_as_the_models_section_has_them(name):
    trials = list(side_study(name).cells())
    assert [(each.dataset, each.setting, each.label) for each in trials] == [
        ("a", "-", "miwae"),
        ("a", "-", "known"),
    ]
    assert [each.method for each in trials] == [model(each, "a", Change()) for each in ("miwae", "known")]


# --- all


def test_the_studies_are_the_sections_of_their_names():
    assert SIDE_STUDIES.keys() == {"ablation", "missing_rate", *RECIPES}
    assert side_study("ablation").replicates == 2
    assert side_study("missing_rate").replicates == 3
    assert all(isinstance(each.method, Model) for each in side_study("ablation").cells())
    assert {type(each.method) for each in side_study("missing_rate").cells()} == {
        Model,
        *(type(baselines.parse({"kind": kind})) for kind in ("mean", "knn")),
    }


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("ablations", PARAMS, "unknown side study 'ablations'; did you mean 'ablation'"),
        ("ablation", altered("ablation", variants={}), "ablation.variants"),
        ("ablation", altered("ablation", datasets=[]), "ablation.datasets"),
        ("ablation", altered("ablation", replicates=0), "ablation.replicates"),
        ("ablation", altered("ablation", model="knowm"), "'knowm'"),
        ("ablation", altered("ablation", datasets=["c"]), "'c'"),
        ("ablation", altered("ablation", variants={"x": {"modle": {}}}), "ablation.variants.x.modle"),
        ("ablation", altered("ablation", variants={"x": {"model": {"member": 3}}}), "did you mean 'members'"),
        ("ablation", altered("ablation", variants={"x": {"network": {"skip": 3}}}), "unknown key"),
        ("missing_rate", altered("missing_rate", offsets=[]), "missing_rate.offsets"),
        ("missing_rate", altered("missing_rate", offsets=[float("nan")]), "missing_rate.offsets"),
        (
            "missing_rate",
            altered("missing_rate", baselines=["knnn"]),
            "no key 'knnn' in baselines; did you mean 'knn'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_one_line(name, params, said):
    write(params)
    with pytest.raises(ParameterError) as error:
        list(side_study(name).cells())
    assert said in str(error.value)
    assert "\n" not in str(error.value)
