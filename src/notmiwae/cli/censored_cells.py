"""Cells that say between which ends their value lies: made of complete ones; noted beside imputed ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from notmiwae.cli import options
from notmiwae.cli.table_input import Table
from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.interval_text import write_interval

if TYPE_CHECKING:
    from notmiwae.estimators.miwae_imputer import MIWAEImputer

_DIGITS = 4
"""Digits of a limit that is taken from a quantile."""


def marks(table: Table, rows: pd.DataFrame, imputer: MIWAEImputer) -> dict[str, Any]:
    """Return a column of texts for each column with known cells: what was known of each, as it stood.

    Arguments:
        table: Table as it was read.
        rows: Columns of it that the imputer was given.
        imputer: Fitted imputer.

    Raises:
        DataError: the table has a column of that name.
    """
    from notmiwae.estimators.known_values import known_cells

    known = known_cells(rows, imputer.columns_, imputer.censored)
    found: dict[str, Any] = {}
    for number, place in enumerate(known.columns if known else ()):
        assert known
        name = imputer.columns_[place].name
        added = f"{name}_censored"
        if added in table.frame:
            raise DataError(f"{table.path}: column {added!r} is what --mark-censored adds; rename it")
        said = table.intervals.get(name, {})
        texts: list[str | None] = [None] * len(rows)
        for row in np.flatnonzero(np.isfinite(known.ends[:, number]).any(axis=1)).tolist():
            if row in said and table.texts is not None:
                texts[row] = str(table.texts[name].iloc[row]).strip()
            else:
                mark = table.csv.decimal if table.csv else "."
                lower, upper = known.ends[row, number].tolist()
                texts[row] = write_interval(pd.Interval(lower, upper, "both"), mark)
        found[added] = pd.Series(texts, index=table.frame.index, dtype=object)
    return found


def spans(typed: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return what `COLUMN=LOWEST:HIGHEST` of `simulate --censor` says, by column."""
    found: dict[str, tuple[str, str]] = {}
    for each in typed:
        name, equals, span = each.rpartition("=")
        low, colon, high = span.partition(":")
        if not equals or not colon or not (low or high) or not all(map(_is_limit, (low, high))):
            accepted = "accepted: COLUMN=LOWEST:HIGHEST, numbers or quantiles, as lead=0.5: or lead=20%:95%"
            raise ParameterError(f"--censor: found {each!r}; {accepted}")
        found[name] = (low, high)
    return found


def _is_limit(text: str) -> bool:
    try:
        value = float(text.removesuffix("%") or 0)
    except ValueError:
        return False
    return np.isfinite(value) and (not text.endswith("%") or 0 < value < 100)


def censor(table: Table, frame: pd.DataFrame, asked: dict[str, tuple[str, str]]) -> dict[str, int]:
    """Put intervals in the place of what lies below a column's lowest limit, or above its highest.

    Arguments:
        table: Table as it was read.
        frame: The same, in which some values may be missing; its columns are replaced.
        asked: Limits by column.

    Raises:
        DataError: a column holds no numbers, or nothing else than such cells would be left.
    """
    options.check_columns("--censor", asked, table.path, table.modelled.columns)
    counts = {}
    for name, (low, high) in asked.items():
        column = frame[name]
        if column.dtype.kind not in "iuf":
            found = repr(column.dropna().iloc[0]) if column.notna().any() else "nothing"
            raise DataError(f"{table.path}: column {name!r} holds {found}; accepted: columns of numbers")
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        complete = table.frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        lowest, highest = _limit(low, complete, -np.inf), _limit(high, complete, np.inf)
        cells: list[Any] = column.astype(object).tolist()
        for limit, rows in ((lowest, values < lowest), (highest, values > highest)):
            span = (-np.inf, limit) if limit is lowest else (limit, np.inf)
            for row in np.flatnonzero(rows).tolist():
                cells[row] = pd.Interval(*span, "neither")
        counts[name] = int(((values < lowest) | (values > highest)).sum())
        if counts[name] == np.isfinite(values).sum():
            raise DataError(f"{table.path}: column {name!r}: no value would be left; accepted: wider limits")
        frame[name] = pd.Series(cells, index=frame.index, dtype=object)
    return counts


def _limit(text: str, values: Any, none: float) -> float:
    """Return a limit as a number: itself, or a quantile, rounded as a laboratory would."""
    if not text:
        return none
    if not text.endswith("%"):
        return float(text)
    return float(f"{np.nanquantile(values, float(text[:-1]) / 100):.{_DIGITS}g}")
