"""Tables that the tests of estimators share."""

import numpy as np
import pandas as pd

QUICK = {"steps": 3, "members": 1, "n_samples": 3, "hidden": (8,), "random_state": 0}
"""Arguments that fit in no time, for what holds of every fit."""


def mixed(rows=24, seed=0):
    """Columns of every kind, some with missing values, under an index that isn't unique."""
    draw = np.random.default_rng(seed)
    gone = draw.random((rows, 12)) < 0.25
    gone[:3] = False

    def maybe(values, place):
        return [None if missing else value for value, missing in zip(values, gone[:, place], strict=True)]

    names = np.array(["u", "v", "w"])[np.arange(rows) % 3].tolist()
    return pd.DataFrame(
        {
            "double": np.where(gone[:, 0], np.nan, draw.normal(size=rows)),
            "single": np.where(gone[:, 1], np.nan, draw.normal(size=rows)).astype(np.float32),
            "whole": np.where(gone[:, 2], np.nan, draw.integers(-5, 5, rows).astype(float)),
            "signed": pd.array(maybe(range(-5, rows - 5), 3), dtype="Int64"),
            "count": pd.array(maybe(range(rows), 4), dtype="Int64"),
            "small": pd.array(maybe((250 + np.arange(rows) % 6).tolist(), 5), dtype="UInt8"),
            "truth": pd.array(maybe((np.arange(rows) % 2 == 0).tolist(), 6), dtype="boolean"),
            "grade": pd.Categorical(maybe(names, 7), categories=["w", "u", "v"], ordered=True),
            "group": pd.Categorical(maybe(names, 8), categories=["w", "u", "v", "unused"]),
            "text": pd.Series(maybe(names, 9), dtype="str"),
            "object": pd.Series(maybe(names, 10), dtype=object),
            "complete": np.arange(rows, dtype=np.int64),
            "flag": np.arange(rows) % 2 == 0,
        }
    ).set_axis(np.arange(rows) // 2, axis=0)


def gaussian(rows=300, seed=0, correlation=0.8, mean=0.0, deviation=1.0):
    """A complete Gaussian table of two columns, and the same with the upper half of the first one missing."""
    draw = np.random.default_rng(seed)
    covariance = [[1.0, correlation], [correlation, 1.0]]
    complete = mean + deviation * draw.multivariate_normal([0.0, 0.0], covariance, size=rows)
    seen = complete.copy()
    seen[seen[:, 0] > mean, 0] = np.nan
    return complete, seen
