"""Heckman's regression of an outcome that is seen of selected rows only: two steps, or maximum likelihood.

The classical model of an outcome that is missing not at random (Heckman, Econometrica 1979):

    y = xᵀβ + u,   y is seen where wᵀγ + v > 0,   v ~ N(0, 1),   u = ρσ v + noise

A probit of being seen on w gives γ. Among rows that are seen, E[u | w] = ρσ λ(wᵀγ) with λ = φ/Φ, so least
squares of y on x and λ gives β and ρσ. Of rows that aren't, E[y | x, w] = xᵀβ − ρσ φ(wᵀγ) / Φ(−wᵀγ).

With u and v Gaussian the log-likelihood of a row is `log Φ(−wᵀγ)` if it isn't seen, and else, with
e = (y − xᵀβ)/σ, `log φ(e) − log σ + log Φ((wᵀγ + ρe) / √(1 − ρ²))`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.optimize import minimize
from scipy.stats import norm
from torch import Tensor
from torch.special import log_ndtr

from notmiwae.arrays import Floats
from notmiwae.errors import DataError, ParameterError
from notmiwae.specs import suggest


@dataclass(frozen=True)
class HeckmanFit:
    """What `two_step` and `maximum_likelihood` return.

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


@dataclass(frozen=True)
class _Rows:
    """A table as the model takes it: x `[N, P]` and w `[N, Q]` with a constant each, y `[N]`, who is seen."""

    x: Floats
    w: Floats
    y: Floats
    seen: npt.NDArray[np.bool_]
    index: pd.Index

    def expected(self, beta: Floats, gamma: Floats, covariance: float) -> pd.Series:
        """Compute `E[y | x, w]` of the rows that aren't seen, ρσ being the covariance of u and v."""
        index = self.w @ gamma
        missed = np.exp(norm.logpdf(index) - norm.logsf(index))
        return pd.Series(self.x @ beta - covariance * missed, index=self.index)[~self.seen]


def two_step(
    table: pd.DataFrame, outcome: str, regressors: Sequence[str], selection: Sequence[str]
) -> HeckmanFit:
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
    rows = _rows(table, outcome, regressors, selection)
    w, seen = rows.w, rows.seen
    gamma = _probit(w, seen)
    index = w @ gamma
    ratio = np.exp(norm.logpdf(index) - norm.logcdf(index))
    x, y = np.column_stack([rows.x, ratio])[seen], rows.y[seen]
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
    return HeckmanFit(
        _named(beta, errors, ["constant", *regressors, "lambda"]),
        _named(gamma, np.sqrt(np.diag(np.linalg.inv(information))), ["constant", *selection]),
        float(rho),
        float(np.sqrt(variance)),
        rows.expected(beta[:-1], gamma, beta[-1]).rename(outcome),
    )


def maximum_likelihood(
    table: pd.DataFrame, outcome: str, regressors: Sequence[str], selection: Sequence[str]
) -> HeckmanFit:
    """Estimate Heckman's model by maximum likelihood; standard errors are those of the observed information.

    Arguments and errors as of `two_step`, from which the search for the maximum begins.
    """
    first = two_step(table, outcome, regressors, selection)
    rows = _rows(table, outcome, regressors, selection)
    # Columns are scaled while it's looked for.
    scales = [np.abs(each).max(axis=0).clip(np.finfo(float).tiny) for each in (rows.x, rows.w)]
    x, w = torch.tensor(rows.x / scales[0]), torch.tensor(rows.w / scales[1])
    seen, y = torch.tensor(rows.seen), torch.tensor(np.where(rows.seen, rows.y, 0.0))

    def minus_log_likelihood(theta: Tensor) -> Tensor:
        beta, gamma, last = theta[: x.shape[1]], theta[x.shape[1] : -2], theta[-2:]
        index, log_sigma, rho = w @ gamma, last[0], last[1].tanh()
        e = ((y - x @ beta) / log_sigma.exp())[seen]
        selected = log_ndtr((index[seen] + rho * e) / (1.0 - rho.square()).sqrt())
        density = -0.5 * e.square() - log_sigma - 0.5 * np.log(2.0 * np.pi)
        loss: Tensor = -(density + selected).sum() - log_ndtr(-index[~seen]).sum()
        return loss

    def with_slope(theta: Floats) -> tuple[float, Floats]:
        at = torch.tensor(theta, requires_grad=True)
        value = minus_log_likelihood(at)
        (slope,) = torch.autograd.grad(value, at)
        return value.item(), slope.numpy()

    start = np.concatenate(
        [
            first.coefficients["coefficient"].to_numpy()[:-1] * scales[0],
            first.selection["coefficient"].to_numpy() * scales[1],
            [np.log(first.sigma), np.arctanh(np.clip(first.rho, -0.9, 0.9))],
        ]
    )
    found = minimize(with_slope, start, jac=True, method="BFGS", options={"gtol": 1e-6}).x
    curvature = torch.func.hessian(minus_log_likelihood)(torch.tensor(found)).numpy()
    count = x.shape[1]
    unit = np.concatenate([*scales, np.ones(2)])
    covariances = np.linalg.inv(curvature) / np.outer(unit, unit)
    beta, gamma = found[:count] / scales[0], found[count:-2] / scales[1]
    sigma, rho = float(np.exp(found[-2])), float(np.tanh(found[-1]))
    # λ = ρσ is a function of the last two, whose slopes are these (the delta method).
    slopes = np.array([rho * sigma, (1.0 - rho**2) * sigma])
    errors = np.sqrt(np.append(np.diag(covariances)[:-2], slopes @ covariances[-2:, -2:] @ slopes))
    return HeckmanFit(
        _named(
            np.append(beta, rho * sigma), errors[[*range(count), -1]], ["constant", *regressors, "lambda"]
        ),
        _named(gamma, errors[count:-1], ["constant", *selection]),
        rho,
        sigma,
        rows.expected(beta, gamma, rho * sigma).rename(outcome),
    )


def _rows(table: pd.DataFrame, outcome: str, regressors: Sequence[str], selection: Sequence[str]) -> _Rows:
    """Check a table and take its columns; arguments and errors as of `two_step`."""
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
    y = table[outcome].to_numpy(dtype=np.float64, na_value=np.nan)
    return _Rows(_design(table, regressors), _design(table, selection), y, seen, table.index)


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
