"""Probabilities of missing that meet a rate exactly on average."""

import numpy as np
from scipy.special import expit, logit

from notmiwae.arrays import Floats
from notmiwae.errors import DataError


def sigmoid(scores: Floats) -> Floats:
    r"""Compute $\sigma(a) = 1 / (1 + e^{-a})$, elementwise."""
    return np.asarray(expit(scores), dtype=np.float64)


def standardised(values: Floats, what: str) -> Floats:
    """Scale `values`, shape (N,), to mean 0 and standard deviation 1 (divisor N).

    Arguments:
        values: Values, finite.
        what: Noun for the values, with which a message begins.

    Raises:
        DataError: the values are all the same.
    """
    # Not `std() == 0`: rounding leaves a constant column a tiny standard deviation.
    if np.ptp(values) == 0:
        raise DataError(f"{what} is constant ({values[0]:g}), expected values that differ")
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float64)


def calibrated(scores: Floats, rate: float) -> Floats:
    r"""Compute $\sigma(\mathrm{scores}_n + b)$, shape (N,), with the one $b$ that makes its mean `rate`."""
    # Imported here: it takes longer than most stages, and few tables need a calibrated rate.
    from scipy.optimize import brentq

    def excess(intercept: float) -> float:
        return float(sigmoid(scores + intercept).mean()) - rate

    # With the highest score moved to logit(rate), no probability exceeds the rate; with the lowest, none
    # falls short. So these bracket b whatever the scores' scale and skewness; 1 is room for rounding.
    centre = float(logit(rate))
    intercept = float(brentq(excess, centre - scores.max() - 1, centre - scores.min() + 1))
    return sigmoid(scores + intercept)
