"""What is asked of a completed table: a difference of two means, a coefficient of a regression.

Anything else may be asked by a function of a completed table that returns an estimate, its variance and, if
it has them, its degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from notmiwae.arrays import Floats
from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.columns import SHOWN
from notmiwae.specs import suggest


class Answer(NamedTuple):
    """What one completed table says.

    Attributes:
        estimate: Estimate.
        variance: Its squared standard error.
        degrees: Degrees of freedom, if nothing had been missing.
    """

    estimate: float
    variance: float
    degrees: float = np.inf


Question = Callable[[pd.DataFrame], Sequence[float]]
"""Function of a completed table that returns an `Answer`, or the first two or all three of its entries."""


@dataclass(frozen=True)
class MeanDifference:
    """Ask for the difference of a column's means in two groups: `second` less `first`.

    Its variance is `s₁²/n₁ + s₂²/n₂` (Welch), its degrees of freedom `n₁ + n₂ − 2`.

    Arguments:
        outcome: Column of numbers, or of two values, of which the higher one's shares are compared.
        by: Column of the groups.
        first: Value of `by` of the one group; None: the lower of two values.
        second: Value of the other group; None: the higher of two.
    """

    outcome: str
    by: str
    first: Any = None
    second: Any = None

    def __call__(self, table: pd.DataFrame) -> Answer:
        """Answer from a completed table.

        Raises:
            ParameterError: a column or a group isn't there, or can't be used so.
            DataError: a group has fewer than two rows.
        """
        require(table, "outcome", self.outcome)
        require(table, "by", self.by)
        values, group = quantity(table, "outcome", self.outcome), table[self.by]
        first, second = self.first, self.second
        if first is None or second is None:
            first, second = _two_values(group, "by", self.by)
        parts = []
        for argument, name in (("first", first), ("second", second)):
            rows = (group == name).to_numpy(dtype=bool)
            if not rows.any():
                raise ParameterError(f"{argument}: no row has {name!r} in column {self.by!r}")
            if rows.sum() < 2:
                raise DataError(
                    f"{argument}: one row has {name!r} in column {self.by!r}; accepted: two or more"
                )
            parts.append(values[rows])
        one, other = parts
        variance = one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)
        return Answer(float(other.mean() - one.mean()), float(variance), len(one) + len(other) - 2.0)

    def __str__(self) -> str:
        groups = "" if self.first is None or self.second is None else f" ({self.second} less {self.first})"
        return f"difference of the means of {self.outcome} by {self.by}{groups}"


@dataclass(frozen=True)
class Coefficient:
    """Ask for a coefficient of a linear regression, by least squares.

    With the design X of an intercept, `on` and `beside`, `β = (XᵀX)⁻¹ Xᵀy` and `Var β = s² (XᵀX)⁻¹`, of N − P
    degrees of freedom. A column of categories enters as one 0/1 column for each but the first.

    Arguments:
        outcome: Column of numbers, or of two values (0 and 1 of a linear probability model).
        on: Column whose coefficient is asked for: of numbers, or of two values, whose coefficient is the
            adjusted difference of the higher one from the lower.
        beside: Other columns of the regression.
    """

    outcome: str
    on: str
    beside: Sequence[str] = ()

    def __call__(self, table: pd.DataFrame) -> Answer:
        """Answer from a completed table.

        Raises:
            ParameterError: a column isn't there, or can't be used so.
            DataError: the regression can't be told: too few rows, or columns that follow from others.
        """
        names = [("outcome", self.outcome), ("on", self.on), *(("beside", name) for name in self.beside)]
        for argument, name in names:
            require(table, argument, name)
        y = quantity(table, "outcome", self.outcome)
        design = [np.ones(len(table)), quantity(table, "on", self.on)]
        for name in self.beside:
            design += _regressors(table, name)
        x = np.column_stack(design)
        n, p = x.shape
        if n <= p or np.linalg.matrix_rank(x) < p:
            raise DataError(
                f"{self}: its {p} terms can't be told apart in {n} rows; accepted: more rows than terms, "
                "none of which follows from others"
            )
        inverse = np.linalg.inv(x.T @ x)
        beta = inverse @ x.T @ y
        residual = y - x @ beta
        variance = residual @ residual / (n - p) * inverse[1, 1]
        return Answer(float(beta[1]), float(variance), float(n - p))

    def __str__(self) -> str:
        beside = f" beside {', '.join(self.beside)}" if self.beside else ""
        return f"coefficient of {self.on} for {self.outcome}{beside}"


def require(table: pd.DataFrame, argument: str, name: str) -> None:
    """Raise a `ParameterError` unless a table has a column."""
    if name not in table.columns:
        raise ParameterError(f"{argument}: no column {name!r}{suggest(name, list(map(str, table.columns)))}")


def quantity(table: pd.DataFrame, argument: str, name: str) -> Floats:
    """Return a column as numbers, `[N]`; of two values, 1 where it has the higher one.

    Raises:
        ParameterError: it has other values than numbers, and more or fewer than two.
    """
    column = table[name]
    if types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64)
    _, second = _two_values(column, argument, name)
    ones: Floats = (column == second).to_numpy(dtype=np.float64)
    return ones


def _two_values(column: pd.Series, argument: str, name: str) -> tuple[Any, Any]:
    """Return the two values of a column, the lower one first."""
    found = sorted(column.unique().tolist())
    if len(found) != 2:
        shown = ", ".join(map(repr, found[:SHOWN])) + (", …" if len(found) > SHOWN else "")
        accepted = "accepted: a column of two values" + (", or of numbers" if argument != "by" else "")
        raise ParameterError(f"{argument}: column {name!r} has the values {shown}; {accepted}")
    return found[0], found[1]


def _regressors(table: pd.DataFrame, name: str) -> list[Floats]:
    """Return the columns by which a column enters a regression, `[N]` each."""
    column = table[name]
    if types.is_numeric_dtype(column.dtype):
        return [column.to_numpy(dtype=np.float64)]
    return [(column == value).to_numpy(dtype=np.float64) for value in sorted(column.unique().tolist())[1:]]
