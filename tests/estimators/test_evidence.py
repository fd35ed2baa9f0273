"""Evidence: laws of masks, what a row foretells of a column, weights, and comparisons of assumptions."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV
from user_tables import gaussian

from notmiwae import Missing, NotMIWAEImputer
from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.comparison import compared, stacking
from notmiwae.estimators.evidence import bounds, expected, folds, foretold, pseudo_bma
from notmiwae.estimators.mask_regression import MaskRegression, chain
from notmiwae.estimators.normal_margins import NormalMargins
from notmiwae.model.missing_process.self_masking import SelfMaskingSpec

SMALL = {"steps": 240, "members": 2, "n_samples": 50, "hidden": (16,), "random_state": 0}
silent = pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")


@given(st.integers(2, 60), st.integers(1, 7), st.integers(0, 3))
def test_each_row_is_left_out_once_at_least_and_folds_are_of_one_size(rows, count, seed):
    dealt = [fold.tolist() for fold in folds(rows, count, seed)]
    assert len(dealt) == count
    assert len({len(fold) for fold in dealt}) == 1
    assert set(itertools.chain(*dealt)) == set(range(rows))
    assert all(len(set(fold)) == len(fold) for fold in dealt)


def table(rows=400, seed=0):
    """Three columns, the first missing by the third, the second by chance."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, 3))
    values[draw.random(rows) < 1 / (1 + np.exp(-2 * values[:, 2])), 0] = np.nan
    values[draw.random(rows) < 0.3, 1] = np.nan
    return values


def test_a_chain_of_regressions_is_a_law_of_masks():
    values = table()
    law = MaskRegression.fit(values, [0, 1], chain([0, 1], 3), [0, 0, 0])
    row = np.array([0.3, -1.2, 0.7])
    total = 0.0
    for first, second in itertools.product((False, True), repeat=2):
        # What comes later in the chain plays no part, so that values may be any where they are missing.
        masked = np.where([not first, not second, False], np.nan, row)
        total += np.exp(law.log_prob(masked[None]).sum())
    assert total == pytest.approx(1.0)


def test_a_regression_finds_what_decides():
    values = table(4_000)
    law = MaskRegression.fit(values, [0, 1], chain([0, 1], 3), [0, 0, 0], [10.0, 10.0])
    _, slope, *_ = law.coefficients[0]
    assert slope == pytest.approx(-2.0, abs=0.25)
    others = [[1, 2], [0, 2]]
    freedoms = MaskRegression.freedoms(values, [0, 1], others, [0, 0, 0])
    assert freedoms[0] > freedoms[1], "what is by chance is shrunk"


def test_a_regression_makes_nothing_of_columns_that_dont_decide():
    values = np.column_stack([table(1_000), np.random.default_rng(1).normal(size=(1_000, 9))])
    others = [[2, *range(3, 12)]]
    law = MaskRegression.fit(
        values, [0], others, [0] * 12, MaskRegression.freedoms(values, [0], others, [0] * 12)
    )
    _, slope, *rest = law.coefficients[0]
    assert slope < -1.5
    assert np.count_nonzero(rest) <= 6


@pytest.mark.parametrize("codes", [[0, 0, 0], [0, 0, 3]])
def test_a_regression_survives_being_written(codes):
    values = table()
    values[:, 2] = np.arange(400) % 3
    law = MaskRegression.fit(values, [0, 1], chain([0, 1], 3), codes)
    read = MaskRegression.read(law.to_mapping(), 3)
    np.testing.assert_array_equal(read.log_prob(values), law.log_prob(values))
    for other in (
        law.to_mapping() | {"scale": [1.0, np.inf, 1.0]},
        law.to_mapping() | {"coefficients": [[1.0], [2.0]]},
    ):
        with pytest.raises(ValueError, match=r"another table|matmul|size|mismatch"):
            MaskRegression.read(other, 3)
    with pytest.raises(ValueError, match="another table"):
        MaskRegression.read(law.to_mapping(), 4)


def test_a_column_without_enough_gaps_has_its_rate():
    values = np.zeros((100, 2))
    values[:3, 0] = np.nan
    law = MaskRegression.fit(values, [0], [[1]], [0, 0])
    assert np.exp(law.log_prob(values))[0, 0] == pytest.approx(1 - 97.5 / 101)


@given(st.integers(0, 20))
def test_the_slope_of_normal_margins_is_that_of_finite_differences(seed):
    draw = np.random.default_rng(seed)
    values = np.column_stack(
        [np.exp(draw.normal(size=80)), draw.normal(3, 2, 80), np.arange(80) % 2, np.ones(80)]
    )
    values[::9, 0] = np.nan
    margins = NormalMargins(values, [0, 1, 3])
    step = 1e-6 * np.nanstd(values, axis=0)
    mapped = margins.transform(values)
    slope = (margins.transform(values + step) - margins.transform(values - step))[:, :2] / 2e-6
    slope /= np.nanstd(mapped, axis=0)[:2]
    np.testing.assert_allclose(np.nan_to_num(np.log(slope)), margins.log_slope(values)[:, :2], atol=1e-5)
    np.testing.assert_array_equal(mapped[:, 2:], values[:, 2:])
    assert (np.diff(mapped[np.argsort(values[:, 1]), 1]) > 0).all()


def test_columns_that_are_gaussian_need_no_map():
    draw = np.random.default_rng(0)
    values = np.column_stack([draw.normal(3, 2, 500), np.exp(draw.normal(size=500))])
    assert NormalMargins(values, [0]).identity
    assert not NormalMargins(values, [0, 1]).identity


@silent
def test_a_process_that_isnt_believed_says_nothing_of_other_columns():
    draw = np.random.default_rng(0)
    values = draw.normal(size=(100, 1)) + 0.5 * draw.normal(size=(100, 3))
    values[values[:, 0] > 0.5, 0] = np.nan
    values[values[:, 1] < -0.5, 1] = np.nan
    said = {"x0": SelfMaskingSpec(direction="high"), "x1": SelfMaskingSpec(direction="low")}
    fitted = NotMIWAEImputer(said, **SMALL).fit(values).members_[0]

    def found(believed):
        return foretold(fitted, values, [0, 1], 1, np.array(believed))

    before, doubted = found([1.0, 1.0]), found([1.0, 0.0])
    (part,) = [part for part in fitted.model.missing_process.processes() if 1 in part.columns.tolist()]
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.add_(0.3)
    np.testing.assert_allclose(found([1.0, 0.0])[:, 0], doubted[:, 0], atol=1e-5)
    assert np.abs(found([1.0, 1.0])[:, 0] - before[:, 0]).max() > 1e-3
    assert np.abs(found([1.0, 0.0])[:, 1] - doubted[:, 1]).max() > 1e-3, "its own mask counts all the same"


@silent
def test_a_column_alone_is_foretold_by_its_bound():
    values = np.random.default_rng(0).normal(size=(200, 1))
    values[values[:, 0] > 0.5, 0] = np.nan
    for word in ("high", "mar"):
        model = NotMIWAEImputer(word, **SMALL).fit(values).members_[0]
        rows = bounds(model, values, seed=1, samples=4_000)
        columns = foretold(model, values, [0], 1, np.ones(1), samples=4_000)
        # But for noise, which is large far out.
        assert np.abs(columns[:, 0] - rows).mean() < 0.03
        assert (columns[:, 0] - rows).mean() == pytest.approx(0.0, abs=0.01)
    # The rest of the row is nothing: the mean of all is expected.
    means = expected(model, values, [0], seed=1, samples=4_000)[:, 0]
    assert means.mean() == pytest.approx(np.nanmean(values), abs=0.15)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=4), st.integers(0, 3))
def test_weights_sum_to_one_and_follow_the_order_of_the_candidates(levels, seed):
    draw = np.random.default_rng(seed)
    log_probs = draw.normal(size=(len(levels), 30)) + np.array(levels)[:, None]
    prior = [1.0 / len(levels)] * len(levels)
    weights = pseudo_bma(log_probs, prior, seed)
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(pseudo_bma(log_probs[::-1], prior, seed), weights[::-1])
    np.testing.assert_allclose(pseudo_bma(log_probs + 5.0, prior, seed), weights)


def test_stacking_finds_the_mixture_that_rows_come_from():
    # A candidate foretells its own rows with density 1, those of the other with 0.
    densities = np.array([[1.0] * 30 + [1e-9] * 70, [1e-9] * 30 + [1.0] * 70, [1e-3] * 100])
    np.testing.assert_allclose(stacking(np.log(densities)), [0.3, 0.7, 0.0], atol=1e-3)


def test_a_comparison_says_what_is_clear_and_what_isnt():
    draw = np.random.default_rng(0)
    base = draw.normal(size=500)
    found = compared(["a", "b", "c"], [base, base + 0.01 * draw.normal(size=500), base - 1.0], 0)
    assert set(found.table["assumption"][:2]) == {"a", "b"}
    assert "can't tell" in found.words()
    assert "against 'c'" in found.words()
    assert found.table.set_index("assumption").loc["c", "difference"] == pytest.approx(-1.0)
    assert found.table["stacking"].sum() == pytest.approx(1.0)
    clear = compared(["a", "c"], [base, base - 1.0 + 0.1 * draw.normal(size=500)], 0)
    assert clear.words().startswith("'a' foretells rows clearly better than 'c'.")
    assert len(clear.plot().axes) == 1
    assert "pseudo_bma" in str(clear)


def cut(rows=400):
    complete, _ = gaussian(rows)
    seen = complete.copy()
    seen[complete[:, 0] < -0.5, 0] = np.nan
    return seen


@silent
def test_held_out_rows_find_the_assumption_that_holds():
    found = NotMIWAEImputer(**SMALL | {"steps": 700}).compare(cut())
    assert found.table["assumption"][0] == "low"
    assert found.table["behind"][1] > 2 * found.table["behind_error"][1]
    assert found.rows.shape == (400, 3)
    draw = np.random.default_rng(1)
    complete, _ = gaussian(400)
    complete[draw.random(400) < 1 / (1 + np.exp(-3 * complete[:, 1])), 0] = np.nan
    alone = Missing("low", given="nothing")
    at_random = NotMIWAEImputer(**SMALL).compare(complete, {"as it is": "mar", "low": {"x0": alone}})
    assert at_random.table["assumption"][0] == "as it is"


def test_what_cant_be_compared_is_refused():
    with pytest.raises(DataError, match="nothing to compare"):
        NotMIWAEImputer(**SMALL).compare(np.zeros((20, 2)))
    with pytest.raises(ParameterError, match="auto: it's chosen by such a comparison itself"):
        NotMIWAEImputer(**SMALL).compare(cut(), ["mar", "auto"])
    with pytest.raises(ParameterError, match="unknown assumption 'lwo'"):
        NotMIWAEImputer(**SMALL).compare(cut(), ["mar", "lwo"])


@silent
def test_the_score_has_the_mask_so_that_a_search_finds_the_true_word():
    seen = cut()
    search = GridSearchCV(
        NotMIWAEImputer(**SMALL | {"members": 1}), {"missing_process": ["mar", "mcar", "high", "low"]}, cv=3
    ).fit(seen)
    assert search.best_params_ == {"missing_process": "low"}
