"""Columns of texts, as CSV files and sheets hold them: numbers, names, what is missing or carried along."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.cli.number_text import NUMBER, Affixes, affixes, as_number, is_plain
from notmiwae.errors import DataError
from notmiwae.estimators.interval_text import INTERVAL_MARKS, read_interval
from notmiwae.estimators.whole_numbers import all_whole
from notmiwae.files import MISSING

_NUMBER = re.compile(NUMBER)
_INFINITE = re.compile(r"[+-]?(?:[iI]nf|INF|[iI]nfinity|INFINITY)")
_LEADING_ZERO = re.compile(r"0\d+")
"""What a number doesn't have, but an identifier or a postal code has."""
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = (
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2})"
    rf"|\d{{1,2}}[. -]*{_MONTH}[., -]*(?:\d{{4}}|\d{{2}})|{_MONTH}[. ]*\d{{1,2}},? \d{{4}}"
)
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[ap]\.?m\.?)?"
_TEMPORAL = re.compile(rf"(?:(?:{_DATE})(?:[T ]{_TIME} ?(?:z|[+-]\d\d:?\d\d)?)?|{_TIME})", re.IGNORECASE)
"""Dates and times as people and programs write them."""
_NEARLY_ALL = 0.9
_LOOKED_AT = 100
"""Texts among which there is a date, if there are any."""
_MOST_DIGITS = 15
"""Digits of a whole number that is exact in any case."""


@dataclass
class Columns:
    """Columns of a file, as they are understood.

    Attributes:
        frame: Values by name, missing cells as pandas has them.
        carried: Names of the columns that are only carried along.
        affixes: What stands before and behind the numbers of a column, of those that have anything.
        intervals: Between which ends values lie of which that's all that is known, by column and row; they
            are missing in the frame.
        notices: How values were read, where a user might want to know.
    """

    frame: dict[str, pd.Series] = field(default_factory=dict)
    carried: list[str] = field(default_factory=list)
    affixes: dict[str, Affixes] = field(default_factory=dict)
    intervals: dict[str, dict[int, pd.Interval]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def row_name(number: int) -> str:
    """Say which row it is whose number from 0 is given."""
    return f"row {number + 1}"


def understand(
    found: Columns,
    path: Path,
    texts: pd.Series,
    decimal: str,
    markers: Sequence[str],
    kinds: Mapping[str, str],
    place: Callable[[int], str] = row_name,
) -> None:
    """Add a column of texts to those that were found: as numbers, as categories, or carried along.

    Arguments:
        found: Columns so far, and the names of those that are to be carried along.
        path: Path of the file.
        texts: Cells, by the column's name.
        decimal: Decimal mark.
        markers: Further texts that stand for a missing value.
        kinds: Kinds of columns that the user named.
        place: Function that words where a row stands, from its number.

    Raises:
        DataError: a value is none of its column's.
    """
    name = str(texts.name)
    stripped = texts.str.strip()
    column = stripped.mask(stripped.isin({*MISSING, *markers}) | _equals(stripped, markers))
    if name not in found.carried and name not in kinds and _is_long(column):
        found.carried.append(name)
        found.notices.append(
            f"{name}: its whole numbers are longer than a computer's numbers; they identify something, "
            f"and are carried along (accepted too: --kind {name}=continuous)"
        )
    if name not in found.carried and name not in kinds and _is_temporal(column):
        found.carried.append(name)
        found.notices.append(
            f"{name}: holds dates or times, as {column.dropna().iloc[0]}, which aren't modelled; it's "
            f"carried along (accepted too: --kind {name}=categorical)"
        )
    if name in found.carried:
        found.frame[name] = texts
        return
    known = _intervals(column, decimal, kinds.get(name))
    if known:
        rows = list(known)
        found.intervals[name] = known
        cells = f"{len(rows)} cell{'s' * (len(rows) > 1)}, as {column.iloc[rows[0]]}"
        said = "say where their values lie" if len(rows) > 1 else "says where its value lies"
        found.notices.append(f"{name}: {cells}, {said}, which is kept to")
        column = column.mask(column.index.isin(column.index[rows]))
    found.frame[name] = _typed(path, column, decimal, kinds.get(name), place)
    if found.frame[name].dtype.kind in "iuf":
        marked = [text for text in column.dropna() if not is_plain(text, decimal)]
        if marked:
            found.affixes[name] = affixes(column.dropna().tolist())
            found.notices.append(f"{name}: {marked[0]} was read as {as_number(marked[0], decimal)}")


def _equals(column: pd.Series, markers: Sequence[str]) -> pd.Series:
    """Tell which texts are the number that a marker is, as -999.0 is -999."""
    numbers = {float(each) for each in markers if _NUMBER.fullmatch(each)}
    if not numbers:
        return pd.Series(False, index=column.index)
    return column.map(lambda text: bool(_NUMBER.fullmatch(text)) and float(text) in numbers).astype(bool)


def _intervals(column: pd.Series, decimal: str, kind: str | None) -> dict[int, pd.Interval]:
    """Read cells as `<0.5`, by row, in a column of which all others are numbers, or that's said to be one."""
    texts = {row: text for row, text in enumerate(column.tolist()) if isinstance(text, str)}
    marked = {row: text for row, text in texts.items() if text.startswith(INTERVAL_MARKS)}
    if not marked or kind in ("binary", "categorical"):
        return {}

    def number(text: str) -> float | None:
        written = as_number(text.strip(), decimal)
        return float(written) if _NUMBER.fullmatch(written) else None

    read = {row: read_interval(text, number) for row, text in marked.items()}
    found = {row: interval for row, interval in read.items() if interval is not None}
    others = [text for row, text in texts.items() if row not in found]
    numeric = all(number(text) is not None and not _LEADING_ZERO.fullmatch(text) for text in others)
    return found if kind or (numeric and others) else {}


def _is_long(column: pd.Series) -> bool:
    """Tell whether a column holds whole numbers only, of which one is too long to be exact."""
    found = column.dropna()
    return bool(found.str.fullmatch(r"\d+").all() and (found.str.len() > _MOST_DIGITS).any())


def _is_temporal(column: pd.Series) -> bool:
    """Tell whether nearly all texts are dates or times, in whatever formats."""
    found = [text for text in column.tolist() if isinstance(text, str)]
    if not found or not any(_TEMPORAL.fullmatch(text) for text in found[:_LOOKED_AT]):
        return False
    return sum(_TEMPORAL.fullmatch(text) is not None for text in found) > _NEARLY_ALL * len(found)


def _typed(
    path: Path, column: pd.Series, decimal: str, kind: str | None, place: Callable[[int], str]
) -> pd.Series:
    """Return a column of texts, without its missing ones, as numbers or categories."""
    # Lists: in a table of 10,000 columns, what a pandas operation costs beside its work adds up.
    places = np.flatnonzero(column.notna().to_numpy())
    found = [text for text in column.tolist() if isinstance(text, str)]
    plain = [as_number(text, decimal) for text in found]
    infinite = [bool(_INFINITE.fullmatch(text)) for text in found]
    numbers = [bool(_NUMBER.fullmatch(text)) or inf for text, inf in zip(plain, infinite, strict=True)]
    some = sum(numbers)
    as_numbers = kind in ("continuous", "count")
    as_names = kind in ("binary", "categorical") and some < len(found)
    if as_names or (
        not as_numbers and (2 * some < len(found) or any(_LEADING_ZERO.fullmatch(text) for text in found))
    ):
        return column.astype(object).astype("category")
    for wrong, what in (
        ([not each for each in numbers], "is no number"),
        (infinite, "is not finite"),
    ):
        if any(wrong):
            at = wrong.index(True)
            text = found[at]
            raise DataError(
                f"{path}: column {column.name!r}: {text!r} in {place(int(places[at]))} {what}, {some} of the "
                f"column's {len(found)} values are; accepted: finite numbers, --na {text!r} if it stands for "
                f"a missing value, --kind {column.name}=categorical if they are names"
            )
    values = np.full(len(column), np.nan)
    values[places] = [float(text) for text in plain]
    check_finite(path, column.name, values, place)
    return whole_or_not(str(column.name), values)


def whole_or_not(name: str, values: npt.NDArray[np.float64]) -> pd.Series:
    """Return numbers, NaN where missing, as whole ones if all of them are."""
    column = pd.Series(values, name=name)
    seen = values[~np.isnan(values)]
    if not len(seen) or not all_whole(seen):
        return column
    return column.astype("int64" if len(seen) == len(values) else "Int64")


def check_finite(
    path: Path, name: Any, values: npt.NDArray[np.float64], place: Callable[[int], str] = row_name
) -> None:
    """Raise `DataError` at the first infinite value of a column."""
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.flatnonzero(infinite)[0])
        raise DataError(
            f"{path}: column {name!r}: {values[row]} in {place(row)} is not finite; accepted: finite numbers"
        )
