r"""What is common to all mechanisms of simulations: reading, checking, drawing.

A mechanism is a probability $p(s_{nj} = 0 \mid x_n)$ for every cell; a mask is one draw from it, and a
deterministic mechanism is the case of probabilities 0 and 1. Each mechanism is one class that states its
probability.

Not to be mistaken for the missing processes that a model learns (`notmiwae.model.missing_process`).
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, FiniteFloat, PlainValidator, model_validator
from typing_extensions import override

from notmiwae.arrays import Floats, Mask
from notmiwae.errors import DataError, ParameterError
from notmiwae.specs import Registry, Spec, suggest

Names = Annotated[tuple[str, ...], Field(min_length=1)]
Rate = Annotated[float, Field(gt=0, lt=1)]
FirstHalf = Literal["first_half"]
FIRST_HALF: FirstHalf = "first_half"


def _columns(given: Any) -> tuple[str, ...] | FirstHalf | None:
    if given is None:
        return None
    if given == FIRST_HALF:
        return FIRST_HALF
    if not isinstance(given, list | tuple) or not given or not all(isinstance(name, str) for name in given):
        raise ValueError(f"columns are {FIRST_HALF}, or a list of at least 1 name")
    return tuple(given)


Columns = Annotated[tuple[str, ...] | FirstHalf | None, PlainValidator(_columns)]


def _not_zero(slope: float) -> float:
    if slope == 0:
        raise ValueError("a slope of 0 lets nothing depend on the values; use kind: mcar")
    return slope


Slope = Annotated[FiniteFloat, AfterValidator(_not_zero)]
Rule = Callable[[pd.DataFrame], Floats | Mask]
"""Function from rows to the probabilities of some columns' cells to go missing, `[N, C]`."""


class Mechanism(Spec):
    """A mechanism by which values of a complete table go missing; a subclass states `_probability`.

    Attributes:
        columns: Names of the columns that can lose values, or `first_half` for the first ⌊D/2⌋ (as in the UCI
            tables of Ipsen et al.); None is all of them.
        allow_empty_rows: Whether a row may lose all its cells. Such a row says nothing about itself, so by
            default it's an error rather than a silent change of the mask's distribution.
    """

    columns: Columns = None
    allow_empty_rows: bool = False

    @model_validator(mode="after")
    def _columns_are_distinct(self) -> Self:
        require_distinct("columns", self.named_columns())
        return self

    def targets(self, table: pd.DataFrame) -> list[str]:
        """List the names of the columns that can lose values."""
        if self.columns == FIRST_HALF:
            return list(table.columns[: table.shape[1] // 2])
        return list(self.named_columns() or table.columns)

    def named_columns(self) -> tuple[str, ...]:
        """List the columns that are given by name, if they are."""
        return self.columns if isinstance(self.columns, tuple) else ()

    @property
    def rowwise(self) -> bool:
        """Tell whether a row's probability depends on that row alone, not on the table's means or rates."""
        return False

    def drivers(self) -> tuple[str, ...]:
        """List the names of further columns that the probability depends on."""
        return ()

    def probability(self, table: pd.DataFrame) -> Floats:
        r"""Compute every cell's probability to go missing, $p(s_{nj} = 0 \mid x_n)$, shape (N, D).

        Raises:
            DataError: there's nothing to mask, or a needed column is absent, not numeric or not finite.
        """
        if not table.columns.is_unique:
            raise DataError(
                f"{self.label}: two columns are called {table.columns[table.columns.duplicated()][0]!r}"
            )
        targets = self.targets(table)
        if len(table) == 0 or not targets:
            raise DataError(
                f"{self.label}: {len(table)} rows and {len(targets)} columns to mask, expected 1 or more"
            )
        return self._in_place(self._probability(self._needed(table, targets), targets), table, targets)

    def missing(self, table: pd.DataFrame, generator: np.random.Generator) -> Mask:
        """Draw which cells go missing, shape (N, D); raise as `probability` does."""
        # A uniform draw is below 1, so probabilities 0 and 1 come out as never and always.
        return generator.random(table.shape) < self.probability(table)

    def is_deterministic(self, table: pd.DataFrame) -> bool:
        """Say whether every draw is the same, all probabilities 0 or 1; raise as `probability` does."""
        return bool(np.isin(self.probability(table), (0.0, 1.0)).all())

    @abstractmethod
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        """Compute the probabilities of the target columns, shape (N, len(targets)).

        A Boolean array stands for probabilities 0 and 1.

        Arguments:
            table: Columns to mask and columns that drive it, finite floats.
            targets: Names of the columns to mask.
        """

    def rule(self, complete: pd.DataFrame) -> Callable[[pd.DataFrame], Floats]:
        """Return the function from any rows to probabilities `[N, D]`, its constants a complete table's.

        Raises:
            ParameterError: the probability depends on a table's other rows in ways that it doesn't say.
        """
        if not self.rowwise:
            raise ParameterError(f"{self.label}: takes a table as a whole; accepted: a `CalibratedMechanism`")
        return self.probability

    def log_likelihood(self, missing: Mask, probability: Floats, columns: pd.Index) -> Floats:
        r"""Compute $\log p(s \mid x) = \sum_j \log p(s_j \mid x)$ of rows' masks, `[N]`.

        Arguments:
            missing: Cells that are missing, `[N, D]`.
            probability: Each cell's probability to go missing, `[N, D]`.
            columns: Names of the D columns.
        """
        with np.errstate(divide="ignore"):
            log_probability: Floats = np.log(np.where(missing, probability, 1.0 - probability)).sum(axis=-1)
        return log_probability

    def _needed(self, table: pd.DataFrame, targets: list[str]) -> pd.DataFrame:
        """Return the columns that the probability depends on, checked, as floats."""
        needed = list(dict.fromkeys([*targets, *self.drivers()]))
        for name in needed:
            self._require_finite(table, name)
        return table[needed].astype(np.float64)

    def _in_place(self, cells: Floats | Mask, table: pd.DataFrame, targets: list[str]) -> Floats:
        """Put the targets' probabilities beside the zeros of all other columns, `[N, D]`."""
        probability = np.zeros(table.shape)
        probability[:, table.columns.get_indexer(pd.Index(targets))] = cells
        return probability

    def _require_finite(self, table: pd.DataFrame, name: str) -> None:
        if name not in table.columns:
            raise DataError(f"{self.label}: no column {name!r}{suggest(name, map(str, table.columns))}")
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise DataError(f"{self.label}: column {name!r} holds {table[name].dtype}, expected numbers")
        bad = ~np.isfinite(table[name].to_numpy(np.float64, na_value=np.nan))
        if bad.any():
            raise DataError(
                f"{self.label}: column {name!r} holds {bad.sum()} NaN or infinite values, the first in row "
                f"{table.index[bad][0]}; expected a complete column"
            )

    @property
    def label(self) -> str:
        """Name of this mechanism in messages."""
        return f"mechanism {self.kind}"


class CalibratedMechanism(Mechanism):
    """A mechanism whose constants (a mean, a quantile, what meets a rate) are taken from the complete table.

    A subclass states `_rule`, from which the probability of the table's own rows follows, and that of others.
    """

    @override
    def rule(self, complete: pd.DataFrame) -> Callable[[pd.DataFrame], Floats]:
        """Take the constants from a complete table; return the function from any rows to `[N, D]`.

        Raises:
            DataError: as `probability` does.
        """
        targets = self.targets(complete)
        rule = self._rule(self._needed(complete, targets), targets)
        return lambda rows: self._in_place(rule(self._needed(rows, targets)), rows, targets)

    @override
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        return self._rule(table, targets)(table)

    @abstractmethod
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        """Take the constants from a complete table; return the function from rows to `[N, len(targets)]`.

        Arguments:
            complete: Columns to mask and columns that drive it, finite floats.
            targets: Names of the columns to mask.
        """


mechanisms = Registry[Mechanism]("mechanism", __package__)


def apply_mechanism(
    mechanism: Mechanism, table: pd.DataFrame, generator: np.random.Generator
) -> pd.DataFrame:
    """Copy `table`, its target columns as floats, with NaN where `mechanism` removes a value.

    Raises:
        DataError: a needed column is unknown, not numeric or not finite; a column loses all its values; or a
            row does and the mechanism doesn't allow it. Nothing is redrawn.
    """
    missing = mechanism.missing(table, generator)
    emptied = [name for j, name in enumerate(table.columns) if missing[:, j].all()]
    if emptied:
        more = f" (and of {len(emptied) - 1} more)" if len(emptied) > 1 else ""
        raise DataError(
            f"{mechanism.label}: mask removes all {len(table)} values of column {emptied[0]!r}{more}; "
            "lower the rate, move the cut or leave the column out of `columns`"
        )
    masked = table.astype(dict.fromkeys(mechanism.targets(table), np.float64)).mask(missing)
    empty = masked.isna().all(axis=1).to_numpy()
    if empty.any() and not mechanism.allow_empty_rows:
        raise DataError(
            f"{mechanism.label}: mask removes every value of {empty.sum()} of {len(table)} rows, "
            f"first row {table.index[empty][0]}; leave a column out of `columns` or set `allow_empty_rows`"
        )
    return masked


def require_distinct(field: str, names: tuple[str, ...]) -> None:
    """Raise `ValueError` if `names` holds one twice."""
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{field} names {name!r} twice")
