"""Pooled inference over multiple imputations: Rubin's rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from notmiwae.arrays import Floats
from notmiwae.errors import DataError

_LEAST_DEGREES = 1e-3
"""Degrees of freedom below which a t distribution has no quantiles to compute."""


@dataclass(frozen=True)
class Pooled:
    """An estimate from multiple imputations; each entry has the shape of one estimate.

    Attributes:
        estimate: Mean of the estimates.
        standard_error: `sqrt(W + (1 + 1/M) B)`: within and between imputations.
        lower: Lower end of the interval.
        upper: Upper end.
        degrees: Degrees of freedom of its t distribution (Barnard & Rubin 1999).
        missing_information: The share of the information that is missing, 0 to 1.
    """

    estimate: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    degrees: Floats
    missing_information: Floats

    def __str__(self) -> str:
        """Write a row of plain numbers for each estimate."""
        columns = {name: np.ravel(value) for name, value in vars(self).items()}
        return pd.DataFrame(columns).to_string(index=False, float_format="{:.4g}".format)

    def p_value(self, null: float = 0.0) -> Floats:
        """Compute the two-sided p-value of the hypothesis that what's estimated is `null`.

        It's `2 P(t_ν > |estimate − null| / standard_error)`, which is 0.05 where an end of the 95 % interval
        is `null` (Rubin 1987, §3.4).
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(self.estimate - null) / self.standard_error
        degrees = np.maximum(self.degrees, _LEAST_DEGREES)
        return np.asarray(2.0 * student.sf(distance, degrees), dtype=np.float64)


def pool(
    estimates: npt.ArrayLike,
    variances: npt.ArrayLike,
    complete_degrees: float = np.inf,
    level: float = 0.95,
    members: int = 1,
) -> Pooled:
    """Pool estimates from M completed tables (Rubin 1987; van Buuren 2018, §2.3–2.4).

    With W the mean of the variances and B the variance of the estimates, `T = W + (1 + 1/M) B`,
    `λ = (1 + 1/M) B / T`, `ν_old = (M − 1)/λ²`, `ν_obs = (ν_com + 1)/(ν_com + 3) ν_com (1 − λ)`,
    `ν = ν_old ν_obs / (ν_old + ν_obs)`, and the missing information is `(r + 2/(ν + 3))/(r + 1)` at
    `r = λ/(1 − λ)`.

    Tables that one of R models made, some M/R each, have in common what it has wrong. With B the variance of
    the models' mean estimates and C the variance about them, `λ T = (1 + 1/R) B + (1 − R/M) C`, and
    `1/ν_old = ((1 + 1/R) B/T)²/(R − 1) + ((1 − R/M) C/T)²/(M − R)` (nested imputations, Rubin 2003).

    Arguments:
        estimates: Estimates from each completed table, `[M]` or `[M, …]`.
        variances: Squared standard errors of the estimates, of the same shape.
        complete_degrees: ν_com, the degrees of freedom if nothing were missing.
        level: Probability that the interval covers.
        members: Number of models R that took turns in making the tables, as an imputer's `members` do in
            `sample`, so that tables i, i + R, … are by one; 1: each is by a model of its own.

    Raises:
        DataError: fewer than two imputations, no model, shapes that differ, or a negative variance.
    """
    values, within = np.asarray(estimates, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if values.shape != within.shape or values.ndim == 0:
        raise DataError(f"estimates have shape {values.shape}, variances {within.shape}; accepted: one shape")
    if len(values) < 2:
        raise DataError(f"found {len(values)} imputation(s); accepted: two or more")
    if members < 1:
        raise DataError(f"members: found {members}; accepted: a whole number from 1")
    if not (within >= 0).all():
        raise DataError("variances: found one that is negative or not a number")
    parts = _between(values, members)
    between = np.sum([part for part, _ in parts], axis=0)
    total = within.mean(axis=0) + between
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, between / total, 0.0)
        shares = [(np.where(total > 0, part / total, 0.0), own) for part, own in parts]
        old = 1.0 / np.sum([each**2 / own for each, own in shares], axis=0)
        if np.isfinite(complete_degrees):
            observed = (complete_degrees + 1) / (complete_degrees + 3) * complete_degrees * (1.0 - share)
            degrees = np.where(np.isfinite(old), old * observed / (old + observed), observed)
        else:
            degrees = old
        ratio = share / (1.0 - share)
        missing = np.where(share < 1, (ratio + 2.0 / (degrees + 3.0)) / (ratio + 1.0), 1.0)
    missing = np.where(share > 0, missing, 0.0)
    estimate, error = values.mean(axis=0), np.sqrt(total)
    reach = student.ppf(0.5 + level / 2.0, np.maximum(degrees, _LEAST_DEGREES)) * error
    return Pooled(estimate, error, estimate - reach, estimate + reach, degrees, missing)


def _between(values: Floats, members: int) -> list[tuple[Floats, int]]:
    """Compute the variance between imputations, `λ T`, in parts with the degrees of freedom of each."""
    count = len(values)
    if members == 1 or members >= count:
        return [((1.0 + 1.0 / count) * values.var(axis=0, ddof=1), count - 1)]
    means = np.array([values[first::members].mean(axis=0) for first in range(members)])
    about = ((values - means[np.arange(count) % members]) ** 2).sum(axis=0) / (count - members)
    return [
        ((1.0 + 1.0 / members) * means.var(axis=0, ddof=1), members - 1),
        ((1.0 - members / count) * about, count - members),
    ]


def pool_means(draws: Sequence[Floats], members: int = 1) -> Pooled:
    """Pool the mean of a column, of which each completed table has N values.

    Arguments:
        draws: Values of each completed table, `[N]` each.
        members: As of `pool`.

    Raises:
        DataError: fewer than two imputations, or no model.
    """
    size = len(draws[0])
    means, variances = [each.mean() for each in draws], [each.var(ddof=1) / size for each in draws]
    return pool(means, variances, size - 1, members=members)
