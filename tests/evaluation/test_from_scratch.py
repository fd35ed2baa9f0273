"""Trials: every method meets the same table and mask, and a seed decides every figure."""

import math

import numpy as np
import pytest

from notmiwae.specs import parse_spec
from study.baselines.baseline import Baseline, baselines
from study.data.datasets import DatasetSpec
from study.evaluation import from_scratch as trial_module
from study.evaluation.from_scratch import Model, evaluate_from_scratch

SOURCE = {"kind": "gaussian", "rows": 60, "mean": [0.0, 1.0], "covariance": [[1.0, 0.8], [0.8, 1.0]]}
THRESHOLD = {"kind": "threshold", "columns": ["x_1"], "cut": {"statistic": "mean"}}
MCAR = {"kind": "mcar", "columns": ["x_1"], "rate": 0.3}


def dataset(mechanism=THRESHOLD, source=SOURCE):
    return parse_spec(DatasetSpec, {"source": source, "mechanism": mechanism, "replicates": 1}, "here")


def model(process="self_masking", members=1, draws=4, **training):
    recipe = {
        "missing_process": {"kind": process},
        "members": members,
        "training": {"steps": 4, "check_every": 2, "samples": 3, "validation_samples": 5} | training,
        "imputation": {"samples": 10, "draws": draws},
    }
    network = {"latent_size": None, "encoder": {"kind": "mlp", "hidden": [5]}, "decoder": {"kind": "linear"}}
    return parse_spec(Model, {"network": network, "recipe": recipe}, "here")


MEAN, KNN = baselines.parse({"kind": "mean"}), baselines.parse({"kind": "knn"})
MICE = baselines.parse({"kind": "mice", "rounds": 2, "draws": 3})


class Seen(Baseline):
    """The column means, and a note of what was to be imputed."""

    def _impute(self, values, seed):
        SEEN.append((values.copy(), seed))
        return np.where(np.isnan(values), np.nanmean(values, axis=0), values)


SEEN: list = []


@pytest.fixture
def seen():
    SEEN.clear()
    return SEEN


@pytest.fixture
def trained_on(monkeypatch):
    """Tables and seeds that models were fitted with."""
    tables, original = [], trial_module.fit_together

    def watched(values, *arguments, **options):
        tables.extend(zip([table.copy() for table in values], arguments[4], strict=True))
        return original(values, *arguments, **options)

    monkeypatch.setattr(trial_module, "fit_together", watched)
    return tables


@pytest.mark.parametrize("mechanism", [THRESHOLD, MCAR], ids=["threshold", "mcar"])
def test_every_method_meets_the_same_table_and_mask(mechanism, seen, trained_on):
    evaluate_from_scratch(dataset(mechanism), Seen(), 5, [1])
    for method in (model(members=2), model("ignorable")):
        evaluate_from_scratch(dataset(mechanism), method, 5, [1])
    assert len(trained_on) == 3
    for values, _ in trained_on:
        assert np.array_equal(values, seen[0][0], equal_nan=True)
    assert len({seed for _, seed in trained_on}) == 2, "members differ, models don't"


def test_every_replicate_has_its_own_table_mask_and_seed(seen):
    for replicate in range(3):
        evaluate_from_scratch(dataset(MCAR), Seen(), 5, [replicate])
    evaluate_from_scratch(dataset(MCAR), Seen(), 6, [0])
    assert len({values.tobytes() for values, _ in seen}) == len({seed for _, seed in seen}) == 4


def test_a_fixed_table_is_the_same_in_every_replicate_but_masked_anew(seen):
    fixed = {"kind": "breast_cancer", "standardise": True}
    for mechanism in (THRESHOLD | {"columns": "first_half"}, MCAR | {"columns": "first_half"}):
        evaluate_from_scratch(dataset(mechanism, fixed), Seen(), 5, [0])
        evaluate_from_scratch(dataset(mechanism, fixed), Seen(), 5, [1])
    (first, _), (again, _), (random, _), (other, _) = seen
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(random, other, equal_nan=True)
    both = ~np.isnan(random) & ~np.isnan(other)
    assert np.array_equal(random[both], other[both])


@pytest.mark.parametrize("method", [model(), model("ignorable", members=2), MEAN, MICE], ids=str)
def test_a_seed_decides_every_figure(method):
    first, again, other = (evaluate_from_scratch(dataset(), method, seed, [0])[0] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert all(math.isfinite(figure) for figure in first.values())


def test_a_figure_is_of_what_the_method_has():
    common = {"rmse", "energy"}
    of_draws = {"crps", "coverage90", "width90"}
    for method, metrics in {
        MEAN: common,
        KNN: common,
        MICE: common | of_draws,
        model(draws=0): common | {"bound", "mask_accuracy"},
        model(): common | of_draws | {"bound", "mask_accuracy"},
        model("ignorable"): common | of_draws | {"bound"},
    }.items():
        assert evaluate_from_scratch(dataset(), method, 1, [0])[0].keys() == metrics


def test_a_data_sets_own_diagnostics_are_among_the_figures():
    ring = dataset(source={"kind": "ring", "rows": 40, "radius": 4.0, "spread": 0.3})
    assert "ring_distance" in evaluate_from_scratch(ring, MEAN, 1, [0])[0]


def test_the_bound_is_the_mean_over_members(monkeypatch):
    bounds, original = [], trial_module.fit_together

    def watched(*arguments, **options):
        fits = original(*arguments, **options)
        bounds.extend(each.validation_bound for each in fits)
        return fits

    monkeypatch.setattr(trial_module, "fit_together", watched)
    (figures,) = evaluate_from_scratch(dataset(), model(members=3), 1, [0])
    assert len(set(bounds)) == 3
    assert figures["bound"] == pytest.approx(np.mean(bounds))


def test_replicates_done_together_are_those_done_alone():
    together = evaluate_from_scratch(dataset(), model(members=2), 1, [0, 1])
    alone = [evaluate_from_scratch(dataset(), model(members=2), 1, [replicate])[0] for replicate in (0, 1)]
    for both, single in zip(together, alone, strict=True):
        assert both == pytest.approx(single, rel=1e-3)


def test_the_means_rmse_on_a_gaussian_is_what_algebra_says():
    """Above the mean of a standard normal, x is half-normal: E[(x − x̂)²] at x̂ = −√(2/π) is 1 + 3·2/π."""
    large = dataset(source=SOURCE | {"rows": 20_000})
    (figures,) = evaluate_from_scratch(large, MEAN, 1, [0])
    assert figures["rmse"] == pytest.approx(math.sqrt(1 + 6 / math.pi), rel=0.02)


def test_steps_are_reported():
    calls = []
    evaluate_from_scratch(dataset(), model(members=2), 1, [0], lambda *call: calls.append(call[:2]))
    assert calls == [(2, 4), (4, 4)]
