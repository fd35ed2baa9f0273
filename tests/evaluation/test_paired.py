"""Paired differences: the t-test, the rows' share in the error, Holm's correction, what can't be paired."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp, ttest_rel

from notmiwae.errors import DataError
from notmiwae.randomness import generator
from study.evaluation.paired import DIFFERENCE_COLUMNS, holm, row_differences, seed_differences

OURS = [0.9, 1.1, 0.95, 1.0, 1.02]
NOISY = [1.2, 1.15, 1.3, 1.22, 1.18]


def replicates(values, dataset="red", metric="rmse"):
    rows = [
        (dataset, method, metric, replicate, value)
        for method, each in values.items()
        for replicate, value in enumerate(each)
    ]
    return pd.DataFrame(rows, columns=["dataset", "method", "metric", "replicate", "value"])


def test_two_random_methods_are_compared_by_the_paired_t_test():
    found = seed_differences(replicates({"ours": OURS, "forest": NOISY}), ["forest"]).iloc[0]
    test = ttest_rel(OURS, NOISY)
    paired = np.subtract(OURS, NOISY)
    assert list(found.index) == DIFFERENCE_COLUMNS
    assert found[["dataset", "method", "reference", "count"]].tolist() == ["red", "ours", "forest", 5]
    assert found["difference"] == pytest.approx(paired.mean())
    assert found["se"] == pytest.approx(paired.std(ddof=1) / math.sqrt(5))
    assert found["p"] == pytest.approx(test.pvalue)


def test_replicates_are_paired_by_their_number_whatever_their_order():
    table = replicates({"ours": OURS, "forest": NOISY})
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(seed_differences(table, ["forest"]), seed_differences(shuffled, ["forest"]))


def test_a_deterministic_reference_stands_for_every_replicate():
    found = seed_differences(replicates({"ours": OURS, "mean": [1.1]}), ["mean"]).iloc[0]
    assert found["p"] == pytest.approx(ttest_1samp(OURS, 1.1).pvalue)
    assert found["count"] == 5
    turned = seed_differences(replicates({"ours": [1.1], "forest": OURS}), ["forest"]).iloc[0]
    assert turned["difference"] == pytest.approx(-found["difference"])
    assert turned["p"] == pytest.approx(found["p"])


@pytest.mark.parametrize("ours", [[0.9], [0.9, 0.9, 0.9]])
def test_without_noise_over_seeds_there_is_nothing_to_test(ours):
    found = seed_differences(replicates({"ours": ours, "mean": [1.1]}), ["mean"]).iloc[0]
    assert found["difference"] == pytest.approx(-0.2)
    assert found["se"] == 0
    assert math.isnan(found["p"])
    assert math.isnan(found["p_holm"])


def test_the_reference_is_each_data_sets_best_baseline():
    table = pd.concat(
        [
            replicates({"mean": [2.0], "knn": [1.5], "ours": OURS}, "red"),
            replicates({"mean": [1.5], "knn": [2.0], "ours": OURS}, "white"),
            replicates({"mean": [0.0], "knn": [9.0], "ours": OURS}, "red", metric="crps"),
        ]
    )
    found = seed_differences(table, ["mean", "knn", "absent"])
    assert found[["dataset", "reference"]].to_numpy().tolist() == [["red", "knn"], ["white", "mean"]]


def test_overlapping_splits_inflate_the_variance_as_nadeau_and_bengio_have_it():
    table = replicates({"ours": OURS, "forest": NOISY})
    plain, split = (seed_differences(table, ["forest"], overlap=share).iloc[0] for share in (0.0, 1 / 9))
    assert split["se"] == pytest.approx(plain["se"] * math.sqrt((1 / 5 + 1 / 9) / (1 / 5)))
    assert split["p"] > plain["p"]


def test_equally_good_methods_are_told_apart_as_often_as_the_level_says():
    draw = generator(0, "null")
    tables = [
        replicates({"ours": draw.normal(size=5), "forest": draw.normal(size=5)}, f"set {n}")
        for n in range(250)
    ]
    p = seed_differences(pd.concat(tables), ["forest"])["p"]
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 250))


def test_what_cannot_be_paired_is_named():
    with pytest.raises(DataError, match=r"red: none of the baselines knn has figures"):
        seed_differences(replicates({"ours": OURS}), ["knn"])
    with pytest.raises(
        DataError, match=r"rmse: replicates \[0, 1, 2\] can't be paired with \[0, 1, 2, 3, 4\]"
    ):
        seed_differences(replicates({"ours": OURS[:3], "forest": NOISY}), ["forest"])


# --- Holm


def test_holms_p_values():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([]).shape == (0,)


def test_holm_neither_counts_nor_fills_what_was_not_tested():
    assert holm([0.01, math.nan, 0.03]) == pytest.approx([0.02, math.nan, 0.03], nan_ok=True)


def test_p_values_are_corrected_over_the_data_sets_of_each_method():
    draw = generator(1, "holm")
    tables = [
        replicates({"a": draw.normal(size=5), "b": draw.normal(size=5), "mean": [1.0]}, f"set {n}")
        for n in range(4)
    ]
    found = seed_differences(pd.concat(tables), ["mean"])
    for method in ("a", "b"):
        own = found[found["method"] == method]
        assert own["p_holm"].to_numpy() == pytest.approx(holm(own["p"]))


# --- rows


def errors(squared, cells=None, dataset="red", method="ours"):
    """Row errors of a method, `squared` [rows, seeds]."""
    squared = np.asarray(squared, dtype=float)
    rows, seeds = squared.shape
    table = pd.DataFrame(
        {
            "replicate": np.repeat(np.arange(seeds), rows),
            "row": np.tile(np.arange(rows), seeds),
            "cells": np.tile(np.ones(rows, int) if cells is None else cells, seeds),
            "squared_error": squared.T.ravel(),
        }
    )
    return table.assign(dataset=dataset, method=method)


def noisy_rows(rows=400, seed=0):
    """Two methods' errors in rows of one to three cells; they share the rows' difficulty."""
    draw = generator(seed, "rows")
    cells = draw.integers(1, 4, rows)
    difficulty = draw.gamma(2.0, size=rows)[:, None] * cells[:, None]
    return difficulty * draw.gamma(3.0, size=(rows, 3)), difficulty * draw.gamma(3.2, size=(rows, 1)), cells


def compare(ours, theirs, cells):
    table = pd.concat([errors(ours, cells), errors(theirs, cells, method="knn")])
    return row_differences(table, ["knn"]).iloc[0]


def rmse(squared, cells):
    return np.sqrt(squared.sum(0) / cells.sum()).mean()


def test_the_difference_of_rows_is_that_of_the_mean_rmse():
    ours, theirs, cells = noisy_rows()
    found = compare(ours, theirs, cells)
    assert found["difference"] == pytest.approx(rmse(ours, cells) - rmse(theirs, cells))
    assert found["count"] == 400


def test_the_rows_error_is_the_bootstraps():
    ours, theirs, cells = noisy_rows()
    draw = generator(1, "bootstrap")
    picks = (draw.integers(0, len(cells), len(cells)) for _ in range(4000))
    spread = np.std([rmse(ours[at], cells[at]) - rmse(theirs[at], cells[at]) for at in picks])
    assert compare(ours, theirs, cells)["se"] == pytest.approx(spread, rel=0.05)


def test_more_seeds_do_not_lower_the_error_of_rows():
    ours, theirs, cells = noisy_rows()
    one = compare(ours[:, :1], theirs, cells)["se"]
    assert compare(np.repeat(ours[:, :1], 50, axis=1), theirs, cells)["se"] == pytest.approx(one)


def test_the_test_over_rows_keeps_its_level():
    draw = generator(2, "null")
    tables = []
    for n in range(150):
        difficulty = draw.gamma(2.0, size=(60, 1))
        for method in ("ours", "knn"):
            tables.append(errors(difficulty * draw.chisquare(1, (60, 1)), dataset=f"set {n}", method=method))
    p = row_differences(pd.concat(tables), ["knn"])["p"]
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 150))


def test_equal_methods_differ_by_nothing():
    ours, _, cells = noisy_rows()
    found = compare(ours, ours, cells)
    assert (found["difference"], found["se"]) == (0, 0)
    assert math.isnan(found["p"])


def test_methods_that_imputed_other_rows_are_refused():
    ours, theirs, cells = noisy_rows()
    table = pd.concat([errors(ours, cells), errors(theirs[:-1], cells[:-1], method="knn")])
    with pytest.raises(DataError, match="two methods have other rows"):
        row_differences(table, ["knn"])
    moved = errors(ours, cells)
    moved.loc[moved["replicate"] == 1, "row"] += 1
    with pytest.raises(DataError, match="replicates have other rows"):
        row_differences(moved, ["ours"])
