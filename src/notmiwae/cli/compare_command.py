"""`notmiwae compare`: which assumption on why values are missing foretells unseen rows best."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notmiwae.cli import input_checks as checks
from notmiwae.cli import options, parsers
from notmiwae.cli.options import WORDS
from notmiwae.errors import NotMIWAEError

if TYPE_CHECKING:
    from notmiwae.estimators.comparison import Comparison

_ASSUMPTIONS = ("mar", "low", "high")
_WORDS = tuple(word for word in WORDS if word != "auto")
_EXAMPLES = """\
  notmiwae compare survey.csv
  notmiwae compare survey.csv --columns income --figure compared.png
  notmiwae compare survey.csv --assumptions mar high extreme -o compared.csv

For each assumption five models are trained, each without a fifth of the rows, which it then has to foretell:
the values that are seen, and which cells are empty. Differences are taken row by row, so that their standard
errors are those of the differences. A clear one may warn you off an assumption; none proves one."""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    description = "Compare assumptions on why values are missing by the rows that they foretell."
    parser = parsers.add_parser(subparsers, "compare", description, _EXAMPLES)
    parser.add_argument("input", type=Path, help="the table")
    parsers.add_many(
        parser,
        "--columns",
        "COLUMN",
        "of which the assumptions are said, others being missing at random (default: all with gaps)",
    )
    parsers.add_many(
        parser,
        "--assumptions",
        "WORD",
        f"{', '.join(_WORDS)} (default: {' '.join(_ASSUMPTIONS)})",
    )
    parsers.add_columns(parser)
    parsers.add_censored(parser)
    parser.add_argument("--steps", type=options.positive, help="of training (default: 700 to 2,000, by rows)")
    parser.add_argument("--seed", type=options.seed, default=0, help="of everything random (0)")
    parsers.add_threads(parser)
    parsers.add_results(parser, "the table of results", "the differences")
    parsers.add_reading(parser)
    # Each assumption is a word of the whole table, or of the columns named.
    parser.set_defaults(run=run, given=[], group=[])


def run(typed: argparse.Namespace) -> int:
    """Read, train under each assumption, print and write."""
    kinds = options.pairs("--kind", typed.kind, options.KINDS)
    typed.assumptions = typed.assumptions or list(_ASSUMPTIONS)
    for word in typed.assumptions:
        options.known("--assumptions", "assumption", word, _WORDS)
    options.check_outputs([*filter(None, [typed.output, typed.figure])], [typed.input])
    if typed.figure:
        options.check_figure(typed.figure)
    from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer

    table = checks.read_rows(typed, kinds, {}, "mar")
    options.check_columns("--columns", typed.columns, table.path, table.modelled.columns)
    said = {
        word: word if not typed.columns or word == "anything" else dict.fromkeys(typed.columns, word)
        for word in typed.assumptions
    }
    options.say(f"training {len(said)} × 5 models …", typed.quiet)
    imputer = NotMIWAEImputer(
        kinds=kinds,
        censored=options.censored(typed.censored),
        steps=typed.steps,
        random_state=typed.seed,
        n_jobs=-1,
        n_threads=typed.threads or 1,
        verbose=options.verbose(typed),
    )
    try:
        found = imputer.compare(table.told, said)
    except NotMIWAEError as error:
        raise type(error)(f"{table.path}: {error}") from None
    _report(typed, found)
    return 0


def _report(typed: argparse.Namespace, found: Comparison) -> None:
    from notmiwae.cli.table_output import print_json, write_results

    write_results(typed, found.table, found.plot)
    if typed.json:
        print_json({"results": found.table.to_dict("records"), "words": found.words()})
        return
    print(found)
