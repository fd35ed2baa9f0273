"""Probabilities of missing that meet a rate exactly on average."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from notmiwae.arrays import Floats
from notmiwae.errors import DataError


def sigmoid(scores: Floats) -> Floats:
    r"""Compute $\sigma(a) = 1 / (1 + e^{-a})$, elementwise."""
    return np.asarray(expit(scores), dtype=np.float64)


def standardiser(values: Floats, what: str) -> Callable[[Floats], Floats]:
    """Return the function that scales `values`, shape (N,), to mean 0 and standard deviation 1 (divisor N).

    Arguments:
        values: Values, finite.
        what: Noun for the values, with which a message begins.

    Raises:
        DataError: the values are all the same.
    """
    # Not `std() == 0`: rounding leaves a constant column a tiny standard deviation.
    if np.ptp(values) == 0:
        raise DataError(f"{what} is constant ({values[0]:g}), expected values that differ")
    mean, deviation = values.mean(), values.std()
    return lambda others: np.asarray((others - mean) / deviation, dtype=np.float64)


def standardised(values: Floats, what: str) -> Floats:
    """Scale `values`, shape (N,), to mean 0 and standard deviation 1; raise as `standardiser` does."""
    return standardiser(values, what)(values)


def intercept(scores: Floats, rate: float) -> float:
    r"""Find the one $b$ with which the mean of $\sigma(\mathrm{scores}_n + b)$ is `rate`."""
    # Imported here: it takes longer than most stages, and few tables need a calibrated rate.
    from scipy.optimize import brentq

    def excess(shift: float) -> float:
        return float(sigmoid(scores + shift).mean()) - rate

    # With the highest score moved to logit(rate), no probability exceeds the rate; with the lowest, none
    # falls short. So these bracket b whatever the scores' scale and skewness; 1 is room for rounding.
    centre = float(logit(rate))
    return float(brentq(excess, centre - scores.max() - 1, centre - scores.min() + 1))


def calibrated(scores: Floats, rate: float) -> Floats:
    r"""Compute $\sigma(\mathrm{scores}_n + b)$, shape (N,), with the one $b$ that makes its mean `rate`."""
    return sigmoid(scores + intercept(scores, rate))


def calibrated_rule(
    scores: Callable[[pd.DataFrame], Floats], complete: pd.DataFrame, rate: float
) -> Callable[[pd.DataFrame], Floats]:
    r"""Return the function from rows to $\sigma(\mathrm{scores}_{nj} + b_j)$, shape (N, C).

    Arguments:
        scores: Function from rows to scores, shape (N, C).
        complete: Table over whose rows the mean of each column is `rate`, by $b_j$.
        rate: Mean over rows.
    """
    shifts = np.array([intercept(column, rate) for column in scores(complete).T])
    return lambda rows: sigmoid(scores(rows) + shifts)


def standardised_columns(
    complete: pd.DataFrame, names: Sequence[str], label: str
) -> Callable[[pd.DataFrame], Floats]:
    """Return the function from rows to columns standardised by a complete table, shape (N, C).

    Arguments:
        complete: Table by which they're standardised.
        names: Names of the columns.
        label: Name of the mechanism, with which messages begin.

    Raises:
        DataError: a column is constant.
    """
    scales = [standardiser(complete[name].to_numpy(), f"{label}: column {name!r}") for name in names]
    return lambda rows: np.stack(
        [scale(rows[name].to_numpy()) for name, scale in zip(names, scales, strict=True)], axis=1
    )


def combination(
    complete: pd.DataFrame, names: Sequence[str], weights: Sequence[float] | None, label: str
) -> Callable[[pd.DataFrame], Floats]:
    r"""Return the function from rows to $u = \sum_k w_k z_k$, shape (N,).

    $z_k$ are columns, standardised by a complete table, and so is $u$.

    Arguments:
        complete: Table by which columns and sum are standardised.
        names: Names of the columns.
        weights: Weights $w$ of the columns; None is 1 for each.
        label: Name of the mechanism, with which messages begin.

    Raises:
        DataError: a column, or the sum, is constant.
    """
    columns = standardised_columns(complete, names, label)
    vector = np.ones(len(names)) if weights is None else np.array(weights)

    def total(rows: pd.DataFrame) -> Floats:
        return np.asarray(columns(rows) @ vector, dtype=np.float64)

    scale = standardiser(total(complete), f"{label}: the weighted sum of `given`")
    return lambda rows: scale(total(rows))
