"""What intervals of many tables say: how often they hold, how far off and how wide they are."""

import numpy as np
import pandas as pd

from study.inference.estimands import truth


def summary(intervals: pd.DataFrame, correlation: float) -> pd.DataFrame:
    """Summarise intervals over replicates, with Monte Carlo errors.

    Columns are design, method, estimand; `replicates`; `bias`, mean estimate less truth, and `bias_error`;
    `sd` of the estimates; `standard_error`, root mean square of those that were reported; `width`, mean of
    the intervals'; `coverage`, the share of them that hold, and `coverage_error`,
    `sqrt(coverage (1 − coverage) / R)` (Morris, White & Crowther 2019, table 6).

    Arguments:
        intervals: Rows design, method, estimand, replicate, and of `INTERVAL`.
        correlation: Correlation of the columns, which is the slope.
    """
    rows = []
    for key, group in intervals.groupby(["design", "method", "estimand"], sort=False):
        value, count = truth(correlation)[group["estimand"].iloc[0]], len(group)
        wrong = group["estimate"] - value
        coverage = (group["lower"].le(value) & group["upper"].ge(value)).mean()
        rows.append(
            {
                **dict(zip(["design", "method", "estimand"], key, strict=True)),
                "replicates": count,
                "bias": wrong.mean(),
                "bias_error": wrong.std(ddof=1) / np.sqrt(count),
                "sd": wrong.std(ddof=1),
                "standard_error": np.sqrt(np.square(group["standard_error"]).mean()),
                "width": (group["upper"] - group["lower"]).mean(),
                "coverage": coverage,
                "coverage_error": np.sqrt(coverage * (1 - coverage) / count),
            }
        )
    return pd.DataFrame(rows)
