"""What `notmiwae impute` says of a table and of what was learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from notmiwae.cli.suspects import is_identifier, sentinel
from notmiwae.cli.table_input import Table
from notmiwae.errors import flat

if TYPE_CHECKING:
    import pandas as pd

    from notmiwae.estimators.miwae_imputer import MIWAEImputer

NOTHING = "no value is missing: the table is written as it is, and nothing was trained"
_TOTALS = ("total", "totals", "grand total", "sum", "gesamt", "summe", "totaal", "totale", "somme")
_SHOWN = 12
"""Columns that are listed at most."""


def of_table(table: Table) -> dict[str, Any]:
    """Count rows, columns and missing cells."""
    modelled = table.modelled
    by_column = modelled.isna().sum()
    return {
        "input": str(table.path),
        "rows": len(modelled),
        "columns": modelled.shape[1],
        "carried_along": list(table.carried),
        "missing_cells": int(by_column.sum()),
        "missing": {str(name): int(count) for name, count in by_column.items() if count},
        "identifiers": [str(name) for name in modelled if is_identifier(modelled[name])],
        "notices": [*table.notices, *_sentinels(modelled), *_totals(table.frame)],
    }


def _totals(frame: pd.DataFrame) -> list[str]:
    """Word that the last row may add up the others."""
    for value in frame.iloc[-1]:
        if isinstance(value, str) and value.strip().rstrip(":").casefold() in _TOTALS:
            return [f"the last row says {value.strip()!r}; if it adds up the others, it has to go"]
    return []


def _sentinels(modelled: pd.DataFrame) -> list[str]:
    """Word which numbers may stand for a missing value."""
    notices = []
    for name, column in modelled.items():
        found = sentinel(column)
        if found:
            value, count = found
            remedy = f"--na={value} (in Python: table.replace({value}, float('nan')))"
            apart = f"{name}: {value} stands in {count} cells, apart from all other values"
            notices.append(f"{apart}; if it stands for a missing one: {remedy}")
    return notices


def of_imputer(imputer: MIWAEImputer) -> dict[str, Any]:
    """Return the held-out bound and the learnt missing process, in the columns' units."""
    return {
        "bound": imputer.bound_,
        "members": len(imputer.members_),
        "assumptions": imputer.assumptions_.to_dict(orient="records"),
        "missing_process": imputer.missing_process_.to_dict(orient="records"),
    }


def of_identifier(name: str) -> str:
    """Word that a column may identify rows."""
    return f"nearly every value of {name!r} is another one; if it identifies rows: --ignore {name}"


def first_lines(found: dict[str, Any]) -> str:
    """Word what is known before training."""
    cells = found["rows"] * found["columns"]
    lines = [
        f"{found['input']}: {found['rows']} rows, {found['columns']} columns, "
        f"{found['missing_cells']} missing cells ({found['missing_cells'] / max(cells, 1):.1%})"
    ]
    if found["carried_along"]:
        lines.append(f"carried along: {listed([repr(name) for name in found['carried_along']])}")
    if found["missing"]:
        rates = [
            f"{flat(name)} {count} ({count / found['rows']:.1%})" for name, count in found["missing"].items()
        ]
        lines.append(f"missing: {listed(rates)}")
    for name in found["identifiers"]:
        lines.append(f"notice: {of_identifier(name)}")
    lines += [f"notice: {each}" for each in found["notices"]]
    return "\n".join(lines)


def last_lines(found: dict[str, Any]) -> str:
    """Word what is known after it."""
    import pandas as pd

    lines = [f"held-out bound: {found['bound']:.3f} nats a row"]
    weighed = pd.DataFrame(found["assumptions"])
    # Of a table with few rows nothing was.
    if len(weighed) and weighed["difference"].any():
        rounded = weighed.round({"difference": 4, "standard_error": 4, "weight": 3})
        lines.append("what held-out rows say, nats a row:\n  " + _listing(rounded, 3 * _SHOWN))
    learnt = pd.DataFrame(found["missing_process"])
    if len(learnt):
        lines.append("why values are missing, as learnt:\n  " + _listing(learnt, _SHOWN))
    return "\n".join(lines)


def _listing(table: pd.DataFrame, most: int) -> str:
    """Write the first rows of a table, indented."""
    shown = table.dropna(axis=1, how="all").head(most)
    more = f"\n  and of {len(table) - most} more" if len(table) > most else ""
    text = shown.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep="")
    return text.replace("\n", "\n  ") + more


def listed(names: list[str]) -> str:
    """Join names to a line, not too many."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
