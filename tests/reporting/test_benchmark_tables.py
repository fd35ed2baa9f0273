import math

import numpy as np
import pandas as pd
import pytest

from notmiwae.randomness import generator
from study.reporting.benchmark_tables import HALF_NORMAL, Constants, constants, protocol_table


def tables(values):
    complete = pd.DataFrame(values, columns=[f"x_{j}" for j in range(values.shape[1])])
    masked = complete.copy()
    masked["x_0"] = complete["x_0"].mask(complete["x_0"] > 0)
    return complete, masked


def test_of_a_gaussian_both_constants_leave_the_variance_of_its_half():
    found = constants(*tables(generator(1, "protocol").normal(size=(400_000, 2))))
    expected = math.sqrt(1 - 2 / math.pi)
    assert found.half_normal == pytest.approx(expected, abs=3e-3)
    assert found.column_mean == pytest.approx(expected, abs=3e-3)


def test_no_constant_is_better_than_the_true_mean():
    complete, masked = tables(generator(2, "protocol").exponential(size=(500, 2)) - 1)
    found = constants(complete, masked)
    missing = complete["x_0"][masked["x_0"].isna()]
    for constant in np.linspace(0, 3, 31):
        assert found.column_mean <= np.sqrt(np.mean((missing - constant) ** 2))
    assert found.half_normal == pytest.approx(np.sqrt(np.mean((missing - HALF_NORMAL) ** 2)))


def test_the_table_has_a_column_for_each_data_set_and_their_mean():
    results = pd.DataFrame(
        [
            ("a", "notmiwae_known", "rmse", 0.5),
            ("b", "notmiwae_known", "rmse", 1.0),
            ("a", "mean", "rmse", 9.0),
        ],
        columns=["dataset", "method", "metric", "mean"],
    )
    found = {"a": Constants(0.6, 0.25), "b": Constants(0.8, 0.75)}
    lines = protocol_table(results, found, ["a", "b"]).splitlines()
    assert lines[0] == "| RMSE | a | b | mean of all |"
    assert [line.split(" | ", 1)[1] for line in lines[2:]] == [
        "0.500 | 1.000 | 0.750 |",
        "0.600 | 0.800 | 0.700 |",
        "0.250 | 0.750 | 0.500 |",
    ]
