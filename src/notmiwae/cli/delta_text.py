"""Shifts δ as they are typed: `0 0.5 1` for all columns, or `income=0,0.5,1` and `pain:drug=-1,0`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from notmiwae.cli import options
from notmiwae.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Typed = dict[str, tuple[float, ...]]
_ACCEPTED = "accepted: COLUMN=δ,δ,… or COLUMN:GROUP=δ,δ,…, as pain=0,0.5,1"


def by_name(option: str, typed: Sequence[str]) -> Typed:
    """Return what `NAME=δ,δ` says, by name.

    Raises:
        ParameterError: something has no `=`, or something else than numbers after it; or a name comes twice.
    """
    found: Typed = {}
    for each in typed:
        name, equals, listed = each.rpartition("=")
        try:
            if not equals or not name:
                raise ValueError
            deltas = tuple(float(number) for number in listed.split(","))
        except ValueError:
            raise ParameterError(f"{option}: found {each!r}; {_ACCEPTED}") from None
        if name in found:
            raise ParameterError(f"{option}: {name!r} is named twice")
        found[name] = deltas
    return found


def plain_or_by_name(option: str, typed: Sequence[str]) -> tuple[float, ...] | Typed:
    """Return numbers for all columns, or what is said by name.

    Raises:
        ParameterError: it's neither, or some of both.
    """
    if any("=" in each for each in typed):
        return by_name(option, typed)
    try:
        return tuple(float(number) for each in typed for number in each.split(","))
    except ValueError:
        raise ParameterError(
            f"{option}: found {' '.join(typed)!r}; accepted: numbers, or {_ACCEPTED[10:]}"
        ) from None


def keyed(
    option: str, found: Typed, table: pd.DataFrame, by: str | None, path: Any
) -> dict[Any, tuple[float, ...]]:
    """Return δ's by column, or by pair of a column and the group that its text stands for.

    Arguments:
        option: Name of the option.
        found: δ's by what was typed.
        table: Table of the columns.
        by: Column of the groups.
        path: File that the table was read from.

    Raises:
        ParameterError: a column or a group isn't there, or no column of groups is named.
    """
    result: dict[Any, tuple[float, ...]] = {}
    for name, deltas in found.items():
        column, colon, text = name.rpartition(":")
        if name in table.columns or not colon:
            options.check_columns(option, [name], path, table.columns)
            result[name] = deltas
            continue
        options.check_columns(option, [column], path, table.columns)
        if by is None:
            raise ParameterError(f"{option}: found the group {text!r}; accepted: --by COLUMN beside it")
        groups = {str(value): value for value in table[by].dropna().unique().tolist()}
        options.known(option, "group", text, sorted(groups), f" in column {by!r} of {path}")
        result[column, groups[text]] = deltas
    return result
