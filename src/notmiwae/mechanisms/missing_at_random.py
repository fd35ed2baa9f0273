"""Mechanisms that look at no column, or at columns that stay complete: MCAR and MAR."""

from typing import Self

import numpy as np
import pandas as pd
from pydantic import FiniteFloat, model_validator
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.errors import DataError
from notmiwae.mechanisms.calibration import combination, intercept, sigmoid
from notmiwae.mechanisms.driven_mechanism import DrivenMechanism
from notmiwae.mechanisms.mechanism import Mechanism, Rate, Rule, mechanisms
from notmiwae.specs import suggest


@mechanisms.register("natural")
class Natural(Mechanism):
    """Values are missing in the table itself, for reasons nobody knows.

    Attributes:
        hide: Share of the values seen in `columns` that are hidden at random, so that imputations of them can
            be judged; null: none.
        allow_empty_rows: Whether a row may have no value; the table has such rows, or hasn't.
    """

    hide: Rate | None = None
    allow_empty_rows: bool = True

    @override
    def probability(self, table: pd.DataFrame) -> Floats:
        """Return zero for every cell, or the share for those that are seen in the columns.

        Raises:
            DataError: no value of the table is missing, or a column is absent.
        """
        if not table.isna().to_numpy().any():
            raise DataError(f"{self.label}: no value of the table is missing; accepted: a table with gaps")
        targets = self.targets(table)
        for name in targets:
            if name not in table.columns:
                raise DataError(f"{self.label}: no column {name!r}{suggest(name, map(str, table.columns))}")
        return self._in_place(self._probability(table, targets), table, targets)

    @override
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats:
        return (self.hide or 0.0) * table[targets].notna().to_numpy(dtype=np.float64)


@mechanisms.register("mcar")
class MCAR(Mechanism):
    r"""Missing completely at random: $p = \mathrm{rate}$ in every cell.

    Attributes:
        rate: Probability of each cell to go missing.
    """

    rate: Rate

    @property
    @override
    def rowwise(self) -> bool:
        return True

    @override
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats:
        return np.full((len(table), len(targets)), self.rate)


@mechanisms.register("mar_logistic")
class MARLogistic(DrivenMechanism):
    r"""Missing at random: a logistic regression on columns that stay complete.

    $p_{nj} = \sigma(\mathrm{slope} \cdot u_n + b)$, where $u$ is $\sum_k w_k z_{nk}$ scaled to mean 0 and
    standard deviation 1, $z$ are the standardised `given` columns, and $b$ makes the mean over rows `rate`.
    After Muzellec et al. (ICML 2020, arXiv 2002.03860), whose $w$ are random; here they're stated, so that
    the direction of the dependence is known.

    Attributes:
        columns: Names of the columns that can lose values; None is all but `given`, and `first_half` leaves
            out what is in `given`.
        given: Names of the columns that drive it, which lose nothing.
        rate: Mean over rows of the probability.
        slope: Change of the log-odds by a standard deviation of $u$.
        weights: Weights $w$, one for each of `given`; None is 1 for each.
    """

    weights: tuple[FiniteFloat, ...] | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if self.weights is not None and len(self.weights) != len(self.given):
            raise ValueError(f"weights holds {len(self.weights)} numbers, given {len(self.given)} columns")
        return self

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        total = combination(complete, self.given, self.weights, self.label)
        shift = intercept(self.slope * total(complete), self.rate)

        def probability(rows: pd.DataFrame) -> Floats:
            return np.repeat(sigmoid(self.slope * total(rows) + shift)[:, None], len(targets), axis=1)

        return probability
