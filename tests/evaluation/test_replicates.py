"""Figures over replicates: mean and standard error, tidy tables, and timings that replace one another."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.randomness import generator
from study.data.tables import write_csv
from study.evaluation.replicates import (
    RESULT_COLUMNS,
    mean_and_standard_error,
    summarise,
)
from study.run.timings import record_seconds


def test_standard_error_has_divisor_n_minus_1():
    assert mean_and_standard_error([1.0, 2.0, 4.0, 5.0]) == pytest.approx((3.0, math.sqrt(10 / 3) / 2))


def test_a_single_value_has_no_error():
    assert mean_and_standard_error([2.5]) == (2.5, 0.0)


def test_standard_error_is_the_spread_of_the_mean():
    values = generator(0, "replicates").normal(size=(4000, 10))
    means, errors = zip(*(mean_and_standard_error(row) for row in values.tolist()), strict=True)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.05)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_the_mean_lies_among_the_values(values):
    mean, error = mean_and_standard_error(values)
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= mean <= max(values) + slack
    assert error >= 0


def replicates():
    rows = [
        ("ring", "knn", "rmse", 0, 3.0),
        ("ring", "knn", "energy", 0, 0.5),
        ("ring", "knn", "rmse", 1, 5.0),
        ("gaussian", "knn", "rmse", 0, 1.25),
        ("ring", "knn", "energy", 1, 0.5),
    ]
    return pd.DataFrame(rows, columns=["dataset", "method", "metric", "replicate", "value"])


def test_summary_has_a_row_for_each_figure_in_the_order_given():
    found = summarise(replicates())
    assert list(found) == RESULT_COLUMNS
    assert found.to_numpy().tolist() == [
        ["ring", "knn", "rmse", 4.0, 1.0, 2],
        ["ring", "knn", "energy", 0.5, 0.0, 2],
        ["gaussian", "knn", "rmse", 1.25, 0.0, 1],
    ]


def test_figures_are_written_to_six_digits_whatever_the_last_bits(tmp_path):
    table = pd.DataFrame([("a", "b", "rmse", 1 / 3, 1e-9, 2)], columns=RESULT_COLUMNS)
    write_csv(table, tmp_path / "reports" / "results.csv")
    text = (tmp_path / "reports" / "results.csv").read_bytes()
    assert text == b"dataset,method,metric,mean,se,replicates\na,b,rmse,0.333333,1e-09,2\n"
    table["mean"] *= 1 + 1e-14
    write_csv(table, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == text


def test_seconds_replace_those_of_the_same_cell_and_leave_the_others(tmp_path):
    path = tmp_path / "timings.csv"
    record_seconds(path, "ring", "knn", "fit_seconds", [1.0, 3.0])
    record_seconds(path, "ring", "knn", "impute_seconds", [0.5])
    record_seconds(path, "gaussian", "mean", "fit_seconds", [0.25])
    record_seconds(path, "ring", "knn", "fit_seconds", [7.0])
    assert pd.read_csv(path).to_numpy().tolist() == [
        ["gaussian", "mean", "fit_seconds", 0.25, 0.0, 1],
        ["ring", "knn", "fit_seconds", 7.0, 0.0, 1],
        ["ring", "knn", "impute_seconds", 0.5, 0.0, 1],
    ]
