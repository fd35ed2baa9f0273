"""Heckman's two-step estimate of a linear regression whose outcome is seen of selected rows only.

The classical model of an outcome that is missing not at random (Heckman, Econometrica 1979):

    y = xᵀβ + u,   y is seen where wᵀγ + v > 0,   v ~ N(0, 1),   u = ρσ v + noise

A probit of being seen on w gives γ. Among rows that are seen, E[u | w] = ρσ λ(wᵀγ) with λ = φ/Φ, so least
squares of y on x and λ gives β and ρσ. Of rows that aren't, E[y | x, w] = xᵀβ − ρσ φ(wᵀγ) / Φ(−wᵀγ).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import norm

from notmiwae.arrays import Floats
from notmiwae.errors import DataError, ParameterError
from notmiwae.specs import suggest


@dataclass(frozen=True)
class TwoStep:
    """What `two_step` returns.

    Attributes:
        coefficients: β with its `standard_error`, a row for the `constant` and each regressor; the last row,
            `lambda`, is ρσ.
        selection: γ with its `standard_error`, a row for the `constant` and each regressor of the probit.
        rho: ρ, the correlation of the two errors.
        sigma: σ, the standard deviation of u.
        imputed: `E[y | x, w]` of the rows whose outcome is missing, by the table's index.
    """

    coefficients: pd.DataFrame
    selection: pd.DataFrame
    rho: float
    sigma: float
    imputed: pd.Series


def two_step(
    table: pd.DataFrame, outcome: str, regressors: Sequence[str], selection: Sequence[str]
) -> TwoStep:
    """Estimate Heckman's model in two steps, with the standard errors that the estimated λ calls for.

    Arguments:
        table: Table in which a row's outcome is missing where it wasn't selected.
        outcome: Name of the column of y.
        regressors: Columns of x, without a constant.
        selection: Columns of w, without a constant; one at least that isn't among `regressors`, or β
            depends on the shape of λ alone.

    Raises:
        ParameterError: no such column, or nothing but the regressors tells the selection.
        DataError: a regressor has a gap, or the outcome has none, or no value.
    """
    for name in (outcome, *regressors, *selection):
        if name not in table:
            raise ParameterError(f"no column {name!r}{suggest(name, list(map(str, table.columns)))}")
    if set(selection) <= set(regressors):
        raise ParameterError("selection: accepted: one column at least that isn't among the regressors")
    for name in (*regressors, *selection):
        if table[name].isna().any():
            raise DataError(f"column {name!r} has missing values; accepted: complete regressors")
    seen = table[outcome].notna().to_numpy()
    if seen.all() or not seen.any():
        raise DataError(f"column {outcome!r} has {seen.sum()} values of {len(seen)}; accepted: some, not all")
    w = _design(table, selection)
    gamma = _probit(w, seen)
    index = w @ gamma
    ratio = np.exp(norm.logpdf(index) - norm.logcdf(index))
    x = np.column_stack([_design(table, regressors), ratio])[seen]
    y = table.loc[seen, outcome].to_numpy(dtype=np.float64)
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    residual = y - x @ beta
    # The variance of u among selected rows is σ² − (ρσ)² δ.
    delta = ratio[seen] * (ratio[seen] + index[seen])
    variance = residual @ residual / len(y) + beta[-1] ** 2 * delta.mean()
    rho = beta[-1] / np.sqrt(variance)
    information = _information(w, index)
    inverse = np.linalg.inv(x.T @ x)
    # γ was estimated too (Greene, Econometric Analysis, "two-step estimation").
    passed_on = x.T @ (delta[:, None] * w[seen])
    meat = (x * (1 - rho**2 * delta)[:, None]).T @ x + rho**2 * passed_on @ np.linalg.solve(
        information, passed_on.T
    )
    errors = np.sqrt(np.diag(variance * inverse @ meat @ inverse))
    missed = np.exp(norm.logpdf(index) - norm.logsf(index))
    expected = _design(table, regressors) @ beta[:-1] - beta[-1] * missed
    return TwoStep(
        _named(beta, errors, ["constant", *regressors, "lambda"]),
        _named(gamma, np.sqrt(np.diag(np.linalg.inv(information))), ["constant", *selection]),
        float(rho),
        float(np.sqrt(variance)),
        pd.Series(expected, index=table.index, name=outcome)[~seen],
    )


def _design(table: pd.DataFrame, columns: Sequence[str]) -> Floats:
    values = table[list(columns)].to_numpy(dtype=np.float64)
    return np.column_stack([np.ones(len(table)), values])


def _probit(w: Floats, seen: npt.NDArray[np.bool_]) -> Floats:
    """Find the γ of the highest likelihood; columns are scaled while it's looked for."""
    scale = np.abs(w).max(axis=0)
    sign = np.where(seen, 1.0, -1.0)
    scaled = sign[:, None] * w / np.where(scale > 0, scale, 1.0)

    def loss(gamma: Floats) -> tuple[float, Floats]:
        index = scaled @ gamma
        log_cdf = norm.logcdf(index)
        return -float(log_cdf.sum()), -(np.exp(norm.logpdf(index) - log_cdf) @ scaled)

    found = minimize(loss, np.zeros(w.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-6})
    gamma: Floats = found.x / np.where(scale > 0, scale, 1.0)
    return gamma


def _information(w: Floats, index: Floats) -> Floats:
    """Compute the expected information of the probit, the inverse of γ's covariance."""
    log_weight = 2 * norm.logpdf(index) - norm.logcdf(index) - norm.logsf(index)
    information: Floats = (w * np.exp(log_weight)[:, None]).T @ w
    return information


def _named(values: Floats, errors: Floats, names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"coefficient": values, "standard_error": errors}, index=pd.Index(names))
