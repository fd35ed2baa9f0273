"""`notmiwae check`: whether a saved model makes gaps as a table has them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from notmiwae.cli import options, parsers
from notmiwae.errors import NotMIWAEError

_EXAMPLES = """\
  notmiwae impute survey.csv -o imputed.csv --missing-process income=high --model-out model/
  notmiwae check survey.csv --model model/
  notmiwae check survey.csv --model model/ --figure checks.png

The model completes the table a hundred times and draws each time which cells would be empty. Numbers of gaps
that the table has and the model doesn't make say that the assumption is wrong: by column, by pair of columns,
in whole rows, and by the value that the rest of a row lets expect (in fifths, the lowest first)."""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    description = "Check a table's gaps against those that a saved model makes."
    parser = parsers.add_parser(subparsers, "check", description, _EXAMPLES)
    parser.add_argument("input", type=Path, help="the table")
    parser.add_argument(
        "--model", type=Path, required=True, metavar="FOLDER", help="what `notmiwae impute --model-out` wrote"
    )
    parser.add_argument(
        "--draws", type=options.positive, default=100, metavar="M", help="completed tables (100)"
    )
    parsers.add_many(parser, "--ignore", "COLUMN", "columns that aren't looked at")
    parsers.add_threads(parser)
    parsers.add_results(parser, "the table of results", "the checks")
    parsers.add_reading(parser)
    parser.set_defaults(run=run)


def run(typed: argparse.Namespace) -> int:
    """Read, load, check, print and write."""
    options.check_outputs([*filter(None, [typed.output, typed.figure])], [typed.input])
    if typed.figure:
        options.check_figure(typed.figure)
    from notmiwae.cli import saved_imputer as saved
    from notmiwae.cli.table_output import print_json, write_results

    imputer = saved.load(typed.model)
    table = saved.read_rows(typed, imputer.columns_)
    imputer.n_threads = typed.threads or 1
    imputer.verbose = options.verbose(typed)
    try:
        found = imputer.check(table.told[[column.name for column in imputer.columns_]], typed.draws)
    except NotMIWAEError as error:
        raise type(error)(f"{table.path}: {error}") from None
    write_results(typed, found.table, found.plot)
    if typed.json:
        print_json({"results": found.table.to_dict("records"), "words": found.words()})
        return 0
    print(found if len(found.table) else found.words())
    return 0
