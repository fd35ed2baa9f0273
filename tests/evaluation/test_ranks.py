"""Ranks over data sets: Demšar's published example, the statistics' formulas, and gaps in the table."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f as fisher

from notmiwae.errors import DataError
from notmiwae.randomness import generator
from study.evaluation.ranks import average_ranks, critical_difference, friedman, scores

# Ranks of four variants of C4.5 on 14 data sets: Demšar (2006), table 6.
DEMSAR = pd.DataFrame(
    [
        [4, 3, 2, 1], [1, 2, 3, 4], [4, 1, 2, 3], [4, 1, 3, 2], [4, 2, 3, 1], [1, 2.5, 4, 2.5], [3, 2, 4, 1],
        [2.5, 2.5, 4, 1], [4, 3, 2, 1], [2.5, 2.5, 2.5, 2.5], [4, 2.5, 1, 2.5], [3, 2, 4, 1], [4, 1, 2, 3],
        [3, 1, 4, 2],
    ],
    columns=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
)  # fmt: skip


def test_average_ranks_of_the_published_example():
    found = average_ranks(DEMSAR)
    assert found["method"].tolist() == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert found["rank"].to_numpy() == pytest.approx([1.964, 2.000, 2.893, 3.143], abs=5e-4)


def test_critical_difference_of_the_published_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)
    assert critical_difference(4, 14, 0.1) == pytest.approx(1.12, abs=5e-3)


@pytest.mark.parametrize(("methods", "quantile"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_values_are_those_of_the_published_table(methods, quantile):
    unit = np.sqrt(methods * (methods + 1) / (6 * 30))
    assert critical_difference(methods, 30) / unit == pytest.approx(quantile, abs=1e-3)


def test_the_published_examples_methods_differ():
    """Demšar's F is 3.69 at p = 0.02, without a correction for ties; with one it's a little more."""
    statistic, p = friedman(DEMSAR)
    assert statistic == pytest.approx(3.69, abs=0.5)
    assert statistic > 3.69
    assert p < 0.05


def test_friedmans_statistic_without_ties_is_demsars_formula():
    table = pd.DataFrame(generator(0, "ranks").normal(size=(8, 5)))
    ranks = average_ranks(table)["rank"].to_numpy()
    chi2 = 12 * 8 / (5 * 6) * (np.square(ranks).sum() - 5 * 36 / 4)
    expected = 7 * chi2 / (8 * 4 - chi2)
    assert friedman(table) == pytest.approx((expected, fisher.sf(expected, 4, 28)))


def test_methods_that_always_rank_alike_differ_beyond_doubt():
    table = pd.DataFrame(np.arange(4.0) + np.arange(6.0)[:, None])
    assert friedman(table) == (np.inf, 0.0)
    assert average_ranks(table)["rank"].tolist() == [1, 2, 3, 4]


def test_random_methods_differ_as_often_as_the_level_says():
    draw = generator(1, "null")
    p = [friedman(pd.DataFrame(draw.normal(size=(6, 10))))[1] for _ in range(400)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)


def results(rows):
    return pd.DataFrame(rows, columns=["dataset", "method", "metric", "mean"])


ROWS = [
    ("red", "a", "rmse", 1.0),
    ("red", "b", "rmse", 2.0),
    ("white", "a", "rmse", 4.0),
    ("white", "b", "rmse", 3.0),
    ("red", "a", "crps", 0.1),
]


def test_scores_are_one_metric_by_data_set_and_method():
    table = scores(results(ROWS))
    assert table.loc["red"].to_dict() == {"a": 1.0, "b": 2.0}
    assert average_ranks(table)["rank"].tolist() == [1.5, 1.5]


def test_a_method_that_a_data_set_lacks_is_named():
    with pytest.raises(DataError, match="white: no rmse of b; ranks need every method"):
        scores(results(ROWS[:3]))


def test_too_few_to_rank_are_refused():
    with pytest.raises(DataError, match="2 methods on 2 data sets"):
        friedman(scores(results(ROWS)))
