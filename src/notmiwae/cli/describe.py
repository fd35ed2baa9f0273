"""`notmiwae describe`: what is missing in a table, and in which patterns."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notmiwae.cli import options, parsers
from notmiwae.errors import DataError, NotMIWAEError

if TYPE_CHECKING:
    import pandas as pd

_PATTERNS = 10
"""Patterns that are listed."""
_COLUMNS = 60
"""Columns that are listed."""
_TESTED = 200
"""Columns up to which Little's test takes no minutes."""
_EXAMPLES = """\
  notmiwae describe survey.csv
  notmiwae describe survey.csv --figure patterns.png --ignore id
  notmiwae describe survey.csv --json

Little's test (Little 1988) is of values missing completely at random, mcar, in columns of numbers: a small p
speaks against it. No test can tell values missing at random from those missing not at random."""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = parsers.add_parser(subparsers, "describe", "Show what is missing in a table.", _EXAMPLES)
    parser.add_argument("input", type=Path, help="the table")
    parser.add_argument(
        "--figure", type=Path, metavar="FILE", help="a figure of the patterns, " + " ".join(options.FIGURES)
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parsers.add_columns(parser)
    parsers.add_reading(parser)
    parser.set_defaults(run=run)


def run(typed: argparse.Namespace) -> int:
    """Read, describe, print."""
    kinds = options.pairs("--kind", typed.kind, options.KINDS)
    if typed.figure:
        options.check_figure(typed.figure)
        options.check_outputs([typed.figure], [typed.input])
    from notmiwae.cli.table_input import read

    table = read(typed.input, typed, kinds, typed.ignore)
    options.check_columns("--ignore", typed.ignore, table.path, table.frame.columns)
    frame = table.modelled
    options.check_columns("--kind", kinds, table.path, frame.columns)
    if not frame.shape[1]:
        raise DataError(f"{table.path}: no column is left to look at")
    try:
        found = _described(frame, kinds, {name: len(own) for name, own in table.intervals.items()})
    except NotMIWAEError as error:
        raise type(error)(f"{table.path}: {error}") from None
    if typed.figure:
        from notmiwae.cli.missing_patterns import draw

        draw(frame, typed.figure)
    if typed.json:
        from notmiwae.cli.table_output import print_json

        print_json({"input": options.shown(table.path)} | found)
    else:
        print(f"{options.shown(table.path)}: {_text(found)}")
    if typed.figure:
        options.say(f"wrote {typed.figure}")
    return 0


def _described(frame: pd.DataFrame, kinds: dict[str, str], known: Mapping[str, int]) -> dict[str, Any]:
    """Describe a table.

    Arguments:
        frame: Table, whose known cells are missing.
        kinds: Kinds of columns, by name.
        known: Number of the cells of a column of which it's known between which ends they lie.
    """
    import numpy as np

    from notmiwae.cli.mcar_test import Result, little
    from notmiwae.cli.missing_patterns import grouped
    from notmiwae.estimators.column_kinds import describe

    some = frame[[name for name in frame if frame[name].nunique() > 0 and not _is_text(frame[name])]]
    columns = {
        column.name: column for column in describe(some, {n: k for n, k in kinds.items() if n in some})
    }
    numeric = [name for name, column in columns.items() if not column.values]
    result: Result | str = f"more than {_TESTED} columns of numbers"
    if len(numeric) <= _TESTED:
        result = (
            little(some[numeric].to_numpy(dtype=np.float64, na_value=np.nan)) if numeric else "no numbers"
        )
    missing = frame.isna()
    patterns, _, counts = grouped(missing.to_numpy())
    return {
        "rows": len(frame),
        "columns": [
            {
                "name": name,
                "kind": columns[name].kind if name in columns else _other(frame[name]),
                "missing": int(missing[name].sum()),
                "missing_rate": float(missing[name].mean()),
                "known_between": known.get(str(name), 0),
            }
            for name in frame
        ],
        "missing_cells": int(missing.to_numpy().sum()),
        "complete_rows": int((~missing.any(axis=1)).sum()),
        "patterns": len(patterns),
        "commonest_patterns": [
            {"rows": rows, "missing": frame.columns[pattern].tolist()}
            for pattern, rows in zip(patterns[:_PATTERNS], counts[:_PATTERNS].tolist(), strict=True)
        ],
        "little_test": {"columns": numeric}
        | (
            {"not_done": result}
            if isinstance(result, str)
            else {"chi_squared": result.statistic, "degrees_of_freedom": result.degrees, "p": result.p}
        ),
    }


def _is_text(column: pd.Series) -> bool:
    from notmiwae.estimators.column_kinds import MOST_CATEGORIES

    return column.dtype == "category" and column.nunique() > MOST_CATEGORIES


def _other(column: pd.Series) -> str:
    """Name what isn't a kind that can be imputed."""
    return "text" if column.notna().any() else "empty"


def _text(found: dict[str, Any]) -> str:
    import pandas as pd

    from notmiwae.cli.summary import listed

    columns, cells = found["columns"], found["rows"] * len(found["columns"])
    rate = found["missing_cells"] / cells
    shown = pd.DataFrame(columns[:_COLUMNS])
    shown["missing_rate"] = shown["missing_rate"].map("{:.1%}".format)
    known = sum(column["known_between"] for column in columns)
    shown = shown.rename(columns={"missing_rate": "rate", "known_between": "known between limits"})
    table = (shown if known else shown.iloc[:, :-1]).to_string(index=False)
    of_which = f", {known} of them known to lie between limits" if known else ""
    lines = [
        f"{found['rows']} rows, {len(columns)} columns, {found['missing_cells']} missing cells ({rate:.1%}"
        f"{of_which}), {found['complete_rows']} complete rows",
        "",
        table + (f"\n and {len(columns) - _COLUMNS} more" if len(columns) > _COLUMNS else ""),
        "",
        f"patterns: {found['patterns']}, the commonest:",
        *(
            f"  {each['rows']:>6} rows: {_gone(each['missing'], listed)}"
            for each in found["commonest_patterns"]
        ),
        "",
    ]
    test = found["little_test"]
    what = "Little's test of values missing completely at random"
    if "not_done" in test:
        lines.append(f"{what}: not done: {test['not_done']}")
    else:
        lines.append(
            f"{what}, the {len(test['columns'])} columns of numbers only: chi² = {test['chi_squared']:.2f}, "
            f"df = {test['degrees_of_freedom']}, p = {test['p']:.3g}"
        )
    return "\n".join(lines)


def _gone(names: list[str], listed: Any) -> str:
    return f"without {listed(names)}" if names else "complete"
