"""Metrics against closed forms, and against imputations known to be right, too wide, too narrow."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from notmiwae import metrics
from notmiwae.errors import DataError
from notmiwae.metrics import coverage, crps, energy_distance, interval, mask_accuracy, rmse, width
from notmiwae.randomness import generator
from study.data.tables import ImputedCells
from study.evaluation.evaluate import evaluate, row_errors

CELLS = 20_000


def draws(spread, count=99, cells=CELLS, shift=0.0, seed=0):
    """Truths from N(0, 1), and draws from N(shift, spread²) for each."""
    draw = generator(seed, "draws")
    return shift + spread * draw.normal(size=(cells, count)), draw.normal(size=cells)


def gaussian_crps(truth, mean, sd):
    """`σ [ z (2Φ(z) − 1) + 2φ(z) − 1/√π ]` (Gneiting & Raftery 2007, Eq. 21)."""
    z = (truth - mean) / sd
    return sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / math.sqrt(math.pi))


def test_rmse_is_the_root_of_the_mean_square():
    assert rmse(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 6.0])) == pytest.approx(math.sqrt(13 / 3))


# --- CRPS


@pytest.mark.parametrize("count", [2, 3, 20])
@pytest.mark.parametrize(("shift", "spread"), [(0.0, 1.0), (1.5, 0.4), (-0.5, 3.0)])
def test_fair_crps_is_unbiased_for_the_gaussians_however_few_the_draws(count, shift, spread):
    sample, truth = draws(spread, count, shift=shift)
    each = np.array([crps(sample[rows], truth[rows]) for rows in np.array_split(np.arange(CELLS), 100)])
    expected = gaussian_crps(truth, shift, spread).mean()
    assert each.mean() == pytest.approx(expected, abs=5 * each.std() / 10)
    assert each.std() / 10 < 0.05


@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_crps_is_its_definition(count, cells, seed):
    sample, truth = draws(1.0, count, cells, seed=seed)
    error = np.abs(sample - truth[:, None]).mean(1)
    pairs = np.abs(sample[:, :, None] - sample[:, None, :]).sum((1, 2))
    expected = (error - pairs / (2 * count * (count - 1))).mean()
    assert crps(sample, truth) == pytest.approx(expected, abs=1e-12)


def test_crps_of_equal_draws_is_the_absolute_error():
    assert crps(np.full((2, 7), 3.0), np.array([1.0, 4.5])) == pytest.approx(1.75)


def test_crps_is_best_for_the_true_distribution():
    figures = {
        (shift, spread): crps(*draws(spread, shift=shift)) for shift in (0, 0.7) for spread in (0.5, 1, 2)
    }
    assert min(figures, key=figures.get) == (0, 1)


# --- intervals


def test_the_90_per_cent_interval_of_19_draws_is_their_range():
    sample, _ = draws(1.0, 19, 50)
    lower, upper = interval(sample, 0.9)
    assert lower == pytest.approx(sample.min(1))
    assert upper == pytest.approx(sample.max(1))


@pytest.mark.parametrize("count", [19, 39, 99])
@pytest.mark.parametrize("level", [0.9])
def test_weibull_ends_are_the_draws_of_the_rank_that_covers_exactly(count, level):
    rank = round((1 - level) / 2 * (count + 1))
    sample, _ = draws(1.0, count, 20)
    ordered = np.sort(sample, axis=1)
    lower, upper = interval(sample, level)
    assert lower == pytest.approx(ordered[:, rank - 1])
    assert upper == pytest.approx(ordered[:, count - rank])


@pytest.mark.parametrize("count", [19, 39, 99])
def test_draws_from_the_exact_posterior_cover_as_often_as_they_should(count):
    error = math.sqrt(0.9 * 0.1 / CELLS)
    assert coverage(*draws(1.0, count)) == pytest.approx(0.9, abs=4 * error)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_wide_draws_cover_too_often_and_narrow_ones_too_seldom(level):
    error = math.sqrt(level * (1 - level) / CELLS)
    exact, wide, narrow, shifted = (
        coverage(*draws(*case), level) for case in ((1.0,), (1.5,), (0.6,), (1.0, 99, CELLS, 1.0))
    )
    assert exact == pytest.approx(level, abs=4 * error)
    assert wide > level + 20 * error
    assert narrow < level - 20 * error
    assert shifted < level - 20 * error


def test_ends_of_the_interval_count_as_covered():
    sample = np.tile(np.arange(19.0), (2, 1))
    assert coverage(sample, np.array([0.0, 18.0])) == 1
    assert coverage(sample, np.array([-0.001, 18.001])) == 0


def test_width_is_that_of_the_gaussian_interval():
    assert width(draws(2.0, 999, 2000)[0]) == pytest.approx(2 * 2 * norm.ppf(0.95), rel=0.01)


# --- energy distance


def rows(count, shift=0.0, scale=1.0, seed=0, offset=0.0):
    return offset + shift + scale * generator(seed, "rows", count).normal(size=(count, 3))


def test_energy_distance_of_equal_distributions_is_zero_on_average():
    figures = [energy_distance(rows(80, seed=2 * k), rows(80, seed=2 * k + 1)) for k in range(200)]
    assert np.mean(figures) == pytest.approx(0, abs=4 * np.std(figures) / math.sqrt(200))
    assert np.std(figures) < 0.1


def test_energy_distance_is_zero_on_average_for_draws_from_the_posterior_that_share_the_observed_values():
    """A row and its own truth share what was observed, so they are nearer than rows of two tables."""
    figures = []
    for seed in range(400):
        truth = rows(50, seed=seed)
        drawn = np.where([True, True, False], truth, rows(50, seed=10_000 + seed))
        figures.append(energy_distance(drawn, truth))
    assert np.mean(figures) == pytest.approx(0, abs=4 * np.std(figures) / 20)


@pytest.mark.parametrize("change", [{"shift": 0.5}, {"scale": 2.0}, {"scale": 0.5}])
def test_energy_distance_of_other_distributions_is_positive(change):
    assert energy_distance(rows(600, seed=1, **change), rows(600, seed=2)) > 0.05


def test_energy_distance_of_a_shift_grows_with_it():
    figures = [energy_distance(rows(300, shift=shift, seed=1), rows(300, seed=2)) for shift in (0, 0.3, 1, 3)]
    assert figures == sorted(figures)


def test_energy_distance_of_two_points_is_twice_their_distance():
    x, y = np.tile([0.0, 0.0], (5, 1)), np.tile([3.0, 4.0], (5, 1))
    assert energy_distance(x, y) == pytest.approx(10)


def test_energy_distance_does_not_depend_on_where_the_data_lie():
    near = energy_distance(rows(300, shift=0.3, seed=1), rows(300, seed=2))
    far = energy_distance(rows(300, shift=0.3, seed=1, offset=1e4), rows(300, seed=2, offset=1e4))
    assert far == pytest.approx(near, abs=1e-5)


def test_energy_distance_is_symmetric():
    x, y = rows(100, shift=0.5, seed=1), rows(100, seed=2)
    assert energy_distance(x, y) == pytest.approx(energy_distance(y, x))


def test_a_large_table_is_thinned_evenly(monkeypatch):
    x, y = rows(1000, shift=0.5, seed=1), rows(1000, seed=2)
    monkeypatch.setattr(metrics, "_ENERGY_ROWS", 250)
    assert energy_distance(x, y) == pytest.approx(energy_distance(x[::4], y[::4]), rel=1e-12)


# --- all of them


@pytest.fixture
def imputed():
    """A complete table, its masked one, and cells imputed with three draws around the truth."""
    draw = generator(0, "imputed")
    complete = pd.DataFrame(draw.normal(size=(40, 2)), columns=["a", "b"])
    masked = complete.mask(draw.random((40, 2)) < 0.3)
    truth = complete.to_numpy()
    filled = [np.where(masked.isna(), truth + shift, truth) for shift in (0.5, 0.1, 0.4, 1.0)]
    return complete, masked, ImputedCells.of(masked, filled[0], filled[1:])


def test_evaluation_with_draws_has_every_metric_and_what_the_data_set_says(imputed):
    complete, masked, cells = imputed
    seen = []
    found = evaluate(cells, masked, complete, lambda table: seen.append(table) or {"own": 1.0})
    assert list(found) == ["rmse", "crps", "coverage90", "width90", "energy", "own"]
    assert found["rmse"] == pytest.approx(0.5)
    # 0.1, 0.4, 1.0 above the truth: mean 0.5, less half of the mean distance of two, 0.6.
    assert found["crps"] == pytest.approx(0.5 - 0.3)
    assert found["coverage90"] == 0
    assert found["width90"] == pytest.approx(0.9)
    # The data set is shown every completion of the incomplete rows, and no others.
    incomplete = masked.isna().any(axis=1).to_numpy()
    assert seen[0].shape == (3 * incomplete.sum(), 2)
    assert seen[0][: incomplete.sum()] == pytest.approx(cells.fill(masked, cells.draws[:, 0])[incomplete])


def test_evaluation_of_a_single_imputation_has_no_metric_of_draws(imputed):
    complete, masked, cells = imputed
    single = ImputedCells.of(masked, cells.fill(masked))
    found = evaluate(single, masked, complete, lambda table: {"rows": len(table)})
    assert list(found) == ["rmse", "energy", "rows"]
    assert found["rows"] == masked.isna().any(axis=1).sum()


def test_a_perfect_imputation_has_no_error_and_no_energy_distance(imputed):
    complete, masked, _ = imputed
    truth = complete.to_numpy()
    found = evaluate(ImputedCells.of(masked, truth), masked, complete, lambda table: {})
    assert found["rmse"] == 0
    assert found["energy"] == pytest.approx(0, abs=1e-6)


def test_cells_of_another_table_are_refused(imputed):
    complete, masked, cells = imputed
    fewer = masked.copy()
    fewer.iloc[cells.row[0], cells.column[0]] = 0.0
    with pytest.raises(
        DataError, match=f"^{len(cells.row)} imputed cells aren't the table's {len(cells.row) - 1}"
    ):
        evaluate(cells, fewer, complete, lambda table: {})


# --- the mask's accuracy


def mask(*rows):
    return np.array(rows, dtype=bool)


def test_mask_accuracy_is_the_share_of_cells_predicted_in_columns_that_lose_values():
    # The third column loses nothing, so what is said of it is of no matter.
    observed = mask([0, 1, 1], [1, 1, 1], [0, 0, 1], [1, 0, 1])
    probability = np.array([[0.9, 0.1, 0.9], [0.2, 0.7, 0.9], [0.4, 0.8, 0.0], [0.0, 1.0, 0.0]])
    assert mask_accuracy(probability, observed) == 6 / 8


def test_the_true_deterministic_process_has_accuracy_1_and_its_opposite_0():
    values = generator(0).normal(size=(200, 3))
    observed = values <= values.mean(0)
    assert mask_accuracy((values > values.mean(0)).astype(float), observed) == 1
    assert mask_accuracy((values <= values.mean(0)).astype(float), observed) == 0


def test_a_constant_probability_predicts_the_commoner_state():
    observed = generator(0).random((50_000, 1)) > 0.3
    assert mask_accuracy(np.full((50_000, 1), 0.3), observed) == pytest.approx(0.7, abs=0.01)


def test_a_mask_without_missing_values_has_no_accuracy():
    with pytest.raises(DataError, match="nothing is missing"):
        mask_accuracy(np.zeros((3, 2)), np.ones((3, 2), dtype=bool))


# --- errors by row


def test_row_errors_sum_to_the_rmse_and_equal_rows_are_one():
    complete = pd.DataFrame([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [5.0, 6.0], [7.0, 8.0]])
    masked = complete.mask(mask([1, 0], [1, 1], [1, 1], [0, 1], [0, 0]))
    cells = ImputedCells.of(masked, masked.fillna(0.5).to_numpy())
    found = row_errors(cells, complete)
    assert found.to_numpy().tolist() == [
        [0, 3, 0.5**2 + 0.5**2 + 1.5**2],
        [1, 2, 2.5**2 + 3.5**2],
        [3, 1, 5.5**2],
    ]
    truth = complete.to_numpy()[cells.row, cells.column]
    whole = found["squared_error"].sum() / found["cells"].sum()
    assert math.sqrt(whole) == pytest.approx(rmse(cells.mean, truth))


# --- truths that nobody knows


def with_unknown(seed):
    draw = generator(seed, "unknown")
    complete = pd.DataFrame(draw.normal(size=(40, 3)), columns=list("abc"))
    masked = complete.mask(draw.random((40, 3)) < 0.3)
    unknown = complete.mask(masked.isna() & (draw.random((40, 3)) < 0.5))
    filled = np.where(masked.isna(), draw.normal(size=(40, 3)), masked)
    return ImputedCells.of(masked, filled, [filled + 0.1, filled - 0.2]), masked, complete, unknown


@pytest.mark.parametrize("seed", range(5))
def test_cells_of_unknown_truth_enter_the_shift_alone(seed):
    imputed, masked, complete, unknown = with_unknown(seed)
    found = evaluate(imputed, masked, unknown, lambda rows: {})
    known = unknown.to_numpy()[imputed.row, imputed.column]
    kept = np.isfinite(known)
    assert 0 < kept.sum() < len(kept)
    assert found["rmse"] == pytest.approx(rmse(imputed.mean[kept], known[kept]))
    assert found["crps"] == pytest.approx(crps(imputed.draws[kept], known[kept]))
    values = masked.to_numpy()
    column = imputed.column[~kept]
    centred = imputed.mean[~kept] - np.nanmean(values, axis=0)[column]
    assert found["shift"] == pytest.approx(np.mean(centred / np.nanstd(values, axis=0)[column]))
    assert found.keys() - evaluate(imputed, masked, complete, lambda rows: {}).keys() == {"shift"}
    errors = row_errors(imputed, unknown)
    assert errors["cells"].sum() == kept.sum()
    assert errors["squared_error"].sum() == pytest.approx(np.square(imputed.mean[kept] - known[kept]).sum())


def test_nothing_known_leaves_the_shift():
    imputed, masked, _, _ = with_unknown(0)
    assert evaluate(imputed, masked, masked, lambda rows: {}).keys() == {"shift"}
    assert row_errors(imputed, masked).empty


@given(st.floats(-5, 5), st.floats(0.01, 100), st.floats(-100, 100))
def test_the_shift_is_in_standard_deviations_of_what_was_observed(by, scale, start):
    observed = generator(0, "observed").normal(size=30)
    column = np.append(start + scale * observed, [np.nan, np.nan])
    masked = pd.DataFrame({"a": column})
    value = start + scale * (observed.mean() + by * observed.std())
    imputed = ImputedCells.of(masked, np.nan_to_num(column, nan=value)[:, None])
    found = evaluate(imputed, masked, masked, lambda rows: {})
    assert found == {"shift": pytest.approx(by, abs=1e-6)}
