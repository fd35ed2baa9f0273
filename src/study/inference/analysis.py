"""The mean of a column and its slope on the next: estimated from a table, pooled, and as they truly are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import linregress
from scipy.stats import t as student

from notmiwae.arrays import Floats
from notmiwae.estimators.pooling import pool
from study.inference.estimands import ESTIMANDS, LEVEL

INTERVAL = ("estimate", "standard_error", "lower", "upper")


def analyse(table: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Estimate mean and slope from a complete table.

    Returns:
        Estimates, their squared standard errors, and their degrees of freedom, `[2]` each.
    """
    outcome, predictor = (table.iloc[:, place].to_numpy(dtype=np.float64) for place in (0, 1))
    rows, line = len(table), linregress(predictor, outcome)
    estimates = np.array([outcome.mean(), line.slope])
    variances = np.array([outcome.var(ddof=1) / rows, line.stderr**2])
    return estimates, variances, np.array([rows - 1.0, rows - 2.0])


def of_complete_rows(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the intervals of a table's complete rows, as if the others had never been."""
    estimates, variances, degrees = analyse(table.dropna())
    errors = np.sqrt(variances)
    reach = student.ppf(0.5 + LEVEL / 2, degrees) * errors
    return _named(estimates, errors, estimates - reach, estimates + reach)


def of_imputed(tables: Sequence[pd.DataFrame], members: int) -> dict[str, dict[str, float]]:
    """Return the intervals pooled over completed tables, which `members` models made in turn."""
    estimates, variances, degrees = (np.array(each) for each in zip(*map(analyse, tables), strict=True))
    pooled = [
        pool(estimates[:, place], variances[:, place], degrees[0, place], LEVEL, members)
        for place in range(len(ESTIMANDS))
    ]
    return _named(*(np.array([getattr(each, name) for each in pooled]) for name in INTERVAL))


def _named(*values: Floats) -> dict[str, dict[str, float]]:
    """Name the columns of an interval, `[2]` each."""
    return {
        estimand: {name: float(value[place]) for name, value in zip(INTERVAL, values, strict=True)}
        for place, estimand in enumerate(ESTIMANDS)
    }
