"""A table of one's own, in which values are missing already, read as the command `notmiwae` reads it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field
from typing_extensions import override

from notmiwae.cli import parsers
from notmiwae.cli.input_checks import read_rows
from notmiwae.cli.options import KINDS
from notmiwae.errors import DataError
from notmiwae.specs import suggest
from study.data.checksums import Sha256, verify
from study.data.sources.source import Source, sources

if TYPE_CHECKING:
    from notmiwae.cli.table_input import Table
    from notmiwae.estimators.columns import Column


def _texts(given: Any) -> Any:
    """Return markers as texts: -9 stands for what a file has as `-9`."""
    if not isinstance(given, list | tuple):
        return given
    if any(isinstance(each, bool) for each in given):
        raise ValueError("a truth value is no text; accepted: 'no' and its likes in quotes")
    return tuple(str(each) if isinstance(each, int | float) else each for each in given)


def _kind(given: Any) -> Any:
    if given not in KINDS:
        raise ValueError(f"unknown kind {given!r}{suggest(given, KINDS)}")
    return given


Limit = float | None


@sources.register("table")
class OwnTable(Source):
    """A table in which values are missing already, and perhaps nobody knows what they would have been.

    CSV, Parquet or Excel by its name's end. Keys are the options of the command `notmiwae impute`; what that
    carries along (dates, identifiers) isn't among the columns that are modelled.

    Attributes:
        file: Path of the file.
        sha256: Checksum of the file.
        na: Further markers of a missing value, texts or numbers.
        ignore: Names of columns that are carried along and not looked at.
        kinds: Kinds of columns by name, where they aren't what was found.
        limits: Lowest and highest value of an imputation by column, null for none.
        sheet: Name of an Excel workbook's sheet; null: the first.
        separator: Character between columns; null: found.
        decimal: Decimal mark; null: found.
        encoding: Name of the text's encoding; null: found.
        comment: What lines to pass over begin with.
        no_header: Whether the first row is data.
    """

    fixed: ClassVar[bool] = True

    file: Path
    sha256: Sha256
    na: Annotated[tuple[str, ...], BeforeValidator(_texts)] = ()
    ignore: tuple[str, ...] = ()
    kinds: dict[str, Annotated[str, BeforeValidator(_kind)]] = Field(default_factory=dict)
    limits: dict[str, tuple[Limit, Limit]] = Field(default_factory=dict)
    sheet: str | None = None
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    comment: str | None = None
    no_header: bool = False

    def table(self) -> Table:
        """Read the file as the command does.

        Raises:
            DataError: the file is absent or altered, or isn't a table that models can be trained on.
            ParameterError: a key names a column that the file hasn't.
        """
        verify(self.file, self.sha256)
        options = argparse.ArgumentParser()
        parsers.add_reading(options)
        typed = options.parse_args([])
        own = {name: getattr(self, name) for name in vars(typed)}
        vars(typed).update(
            own, na=list(self.na), ignore=list(self.ignore), input=self.file, group={}, given={}, censored=[]
        )
        table = read_rows(typed, self.kinds, self.limits, None)
        for name in table.intervals:
            accepted = "accepted in the pipeline: numbers, and markers that `na` names"
            raise DataError(f"{self.file}: column {name!r} has cells as '<0.5'; {accepted}")
        return table

    def columns(self, table: Table) -> Sequence[Column]:
        """Describe the columns that are modelled, as the estimators do."""
        from notmiwae.estimators.column_kinds import describe

        return describe(table.modelled, self.kinds, self.limits)

    @override
    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """Read the columns that are modelled, with their kinds; nothing is random."""
        table = self.table()
        return pd.DataFrame(
            {each.name: _stored(each, table.modelled[each.name]) for each in self.columns(table)}
        )


def _stored(column: Column, values: pd.Series) -> pd.Series:
    """Return a column as it's stored: see `study.data.tables`."""
    numbers = column.encode(values)
    if column.values:
        dtype = pd.CategoricalDtype([str(value) for value in column.values], ordered=column.ordered)
        codes = np.where(np.isnan(numbers), -1, numbers).astype(int)
        return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))
    return pd.Series(numbers).astype("Int64" if column.kind == "count" else "Float64")
