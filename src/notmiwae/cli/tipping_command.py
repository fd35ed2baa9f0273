"""`notmiwae tipping`: how far missing values have to differ from seen ones for a conclusion to change.

A command of its own: `sensitivity` sets assumptions side by side by the means of columns, while this one
tests one hypothesis over a grid of shifts.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notmiwae.cli import delta_text, options, parsers
from notmiwae.cli import input_checks as checks
from notmiwae.errors import NotMIWAEError, ParameterError

if TYPE_CHECKING:
    from notmiwae.estimators.tipping_point import TippingPoint

_EXAMPLES = """\
  notmiwae tipping survey.csv --outcome income --on school --deltas income=-1,-0.5,0,0.5,1
  notmiwae tipping trial.csv --outcome pain --on arm --beside baseline --by arm \\
      --deltas pain:drug=0,0.5,1,1.5 pain:placebo=-1,-0.5,0 --figure tipping.png
  notmiwae tipping trial.csv --outcome cured --on arm --by arm --deltas cured:drug=-2,-1,0 -o grid.csv

Values are imputed at random and shifted by δ: by so many standard deviations, or a binary column by log-odds.
What else a row lacks is drawn anew, given the shifted values. At each δ, or pair of them, the coefficient of
--on is pooled over the imputations by Rubin's rules; of a column of two values it's the difference between
the two. Where its p-value crosses --level the conclusion tips: whether missing values differ by as much is
for you to say."""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    description = "Find how far missing values have to differ from seen ones for a conclusion to change."
    parser = parsers.add_parser(subparsers, "tipping", description, _EXAMPLES)
    parser.add_argument("input", type=Path, help="the table")
    parsers.add_many(
        parser,
        "--deltas",
        "COLUMN[:GROUP]=δ,δ,…",
        "shifts of a column's missing values, or of those of a group of rows; one axis, or two of a grid",
    )
    parser.add_argument("--by", metavar="COLUMN", help="the groups, as a trial's arms")
    parser.add_argument("--outcome", required=True, metavar="COLUMN", help="what the hypothesis is about")
    parser.add_argument("--on", required=True, metavar="COLUMN", help="whose coefficient is 0 if it holds")
    parsers.add_many(parser, "--beside", "COLUMN", "other columns of the regression")
    parser.add_argument("--null", type=float, default=0.0, metavar="VALUE", help="instead of 0")
    parser.add_argument("--level", type=float, default=0.05, metavar="P", help="of the test (0.05)")
    parser.add_argument(
        "--unit",
        choices=("sd", "own"),
        default="sd",
        help="δ in standard deviations, or in the column's unit",
    )
    parser.add_argument(
        "--sweeps", type=options.natural, default=1, metavar="N",
        help="how often the rest of a row is drawn anew (1); 0: it stays; ten or so: NARFCS",
    )  # fmt: skip
    parser.add_argument("--draws", type=options.positive, default=20, metavar="M", help="imputations (20)")
    parsers.add_columns(parser)
    parsers.add_limits(parser)
    parsers.add_models(parser)
    parsers.add_threads(parser)
    parsers.add_results(parser, "the grid", "the grid")
    parsers.add_reading(parser)
    parser.set_defaults(run=run, given=[], group=[])


def run(typed: argparse.Namespace) -> int:
    """Read, train, shift, test, print and write."""
    kinds = options.pairs("--kind", typed.kind, options.KINDS)
    limits = options.limits(typed.limits)
    said = delta_text.by_name("--deltas", typed.deltas)
    if len(said) not in (1, 2):
        raise ParameterError(f"--deltas: found {len(said)} columns or groups; accepted: one, or two")
    options.check_outputs([*filter(None, [typed.output, typed.figure])], [typed.input])
    if typed.figure:
        options.check_figure(typed.figure)
    from notmiwae.estimators.estimands import Coefficient
    from notmiwae.estimators.tipping_point import tipping_point

    table = checks.read_rows(typed, kinds, limits, "mar")
    columns = table.modelled.columns
    for option, names in (
        ("--outcome", [typed.outcome]),
        ("--on", [typed.on]),
        ("--beside", typed.beside),
        ("--by", [typed.by] if typed.by else []),
    ):
        options.check_columns(option, names, table.path, columns)
    deltas = delta_text.keyed("--deltas", said, table.modelled, typed.by, table.path)
    settings = checks.models(typed)
    options.say(f"training {settings['members']} model(s) …", typed.quiet)
    try:
        found = tipping_point(
            table.told,
            deltas,
            Coefficient(typed.outcome, typed.on, tuple(typed.beside)),
            typed.by,
            typed.unit,
            typed.draws,
            typed.sweeps,
            typed.null,
            typed.level,
            kinds=kinds,
            limits=limits,
            censored=options.censored(typed.censored),
            n_jobs=-1,
            verbose=options.verbose(typed),
            **settings,
        )
    except NotMIWAEError as error:
        raise type(error)(f"{table.path}: {error}") from None
    _report(typed, found)
    return 0


def _report(typed: argparse.Namespace, found: TippingPoint) -> None:
    from notmiwae.cli.table_output import print_json, write_results

    write_results(typed, found.table, found.plot)
    if typed.json:
        entries = {
            "question": found.question,
            "at_random": found.at_random.to_dict(),
            "results": found.table.to_dict("records"),
            "points": found.points.to_dict("records"),
            "words": found.words(),
        }
        print_json(entries)
        return
    print(found)
