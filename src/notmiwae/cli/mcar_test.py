"""Little's test of values that are missing completely at random."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from notmiwae.arrays import Floats
from notmiwae.cli.missing_patterns import grouped

_STEPS = 1000
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Result:
    """The test's statistic, its degrees of freedom, p and the number of patterns."""

    statistic: float
    degrees: int
    p: float
    patterns: int


def little(values: Floats) -> Result | str:
    """Test as Little (1988): do the means of rows with one pattern differ from those of others?

    `Σ_j n_j (ȳ_j − μ_j)ᵀ Σ_j⁻¹ (ȳ_j − μ_j)` over patterns j of what is observed, with mean and covariance of
    a normal distribution by EM; under MCAR it's χ² with `Σ_j p_j − p` degrees of freedom.

    Arguments:
        values: `[N, D]`, NaN where missing.

    Returns:
        The result, or why there is none.
    """
    values = values[:, np.nanmax(values, axis=0) > np.nanmin(values, axis=0)]
    values = values[~np.isnan(values).all(axis=1)]
    rows, columns = values.shape
    if columns < 2:
        return "fewer than two columns have numbers that differ"
    if not np.isnan(values).any():
        return "no number is missing"
    if rows <= columns:
        return f"{columns} columns of numbers need more rows than {rows}"
    values = (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0)
    patterns = _patterns(values)
    degrees = sum(int(observed.sum()) for observed, _ in patterns) - columns
    if degrees < 1:
        return "all rows lack the same columns"
    mean, covariance = _estimate(values, patterns)
    if np.linalg.eigvalsh(covariance)[0] < 1e-8:
        return "some columns of numbers follow from others"
    statistic = 0.0
    for observed, chosen in patterns:
        off = values[np.ix_(chosen, observed)].mean(axis=0) - mean[observed]
        statistic += len(chosen) * float(off @ np.linalg.solve(covariance[np.ix_(observed, observed)], off))
    return Result(statistic, degrees, float(chi2.sf(statistic, degrees)), len(patterns))


def _patterns(values: Floats) -> list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]]:
    """List what is observed and in which rows, for each pattern."""
    patterns, of_rows, _ = grouped(np.isnan(values))
    return [(~missing, np.flatnonzero(of_rows == place)) for place, missing in enumerate(patterns)]


def _estimate(
    values: Floats, patterns: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]]
) -> tuple[Floats, Floats]:
    """Estimate mean and covariance (divisor N) of a normal distribution by EM, from single columns' own."""
    rows, columns = values.shape
    mean, covariance = np.zeros(columns), np.eye(columns)
    for _ in range(_STEPS):
        filled = values.copy()
        spread = np.zeros((columns, columns))
        for observed, chosen in patterns:
            missing = ~observed
            if not missing.any():
                continue
            across = covariance[np.ix_(missing, observed)]
            # pinv: columns may follow from others, which is found afterwards.
            weights = across @ np.linalg.pinv(covariance[np.ix_(observed, observed)], hermitian=True)
            off = values[np.ix_(chosen, observed)] - mean[observed]
            filled[np.ix_(chosen, missing)] = mean[missing] + off @ weights.T
            left = covariance[np.ix_(missing, missing)] - weights @ across.T
            spread[np.ix_(missing, missing)] += len(chosen) * left
        before = mean, covariance
        mean = filled.mean(axis=0)
        covariance = (filled - mean).T @ (filled - mean) / rows + spread / rows
        change = max(np.abs(mean - before[0]).max(), np.abs(covariance - before[1]).max())
        if change < _TOLERANCE:
            break
    return mean, covariance
