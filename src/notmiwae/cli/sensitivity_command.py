"""`notmiwae sensitivity`: what each assumption on why values are missing makes of a table."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notmiwae.cli import delta_text, options, parsers
from notmiwae.cli import input_checks as checks
from notmiwae.cli.name_lists import Several
from notmiwae.cli.options import WORDS
from notmiwae.errors import AssumptionWarning, NotMIWAEError

if TYPE_CHECKING:
    from notmiwae.estimators.sensitivity import Sensitivity

_ASSUMPTIONS = ("mar", "low", "high", "extreme", "anything")
_DELTAS = ("-1", "-0.5", "0", "0.5", "1")
_EXAMPLES = """\
  notmiwae sensitivity survey.csv
  notmiwae sensitivity survey.csv --columns income --figure income.png
  notmiwae sensitivity survey.csv --assumptions mar high --deltas 0 0.25 0.5 -o table.csv
  notmiwae sensitivity survey.csv --deltas income=0,0.5,1 age=-0.5,0 --limits income=0:
  notmiwae sensitivity trial.csv --assumptions mar --by arm --deltas pain:drug=0,0.5,1 pain:placebo=0,1

For each assumption a model is trained and the means of the columns are pooled over its imputations by Rubin's
rules. `mar` is shifted by deltas, too: imputed values plus so many standard deviations, of a binary column
log-odds; for all columns, or by column, or by column and group of rows. The held-out bound (higher is better)
says how well an assumption fits what was seen; it can't say that it holds. `notmiwae tipping` has the shift
at which a conclusion changes."""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    description = "Show how results depend on the assumption of why values are missing."
    parser = parsers.add_parser(subparsers, "sensitivity", description, _EXAMPLES)
    parser.add_argument("input", type=Path, help="the table")
    parsers.add_many(
        parser,
        "--columns",
        "COLUMN",
        "of which the assumptions are said, others being missing at random (default: all with gaps)",
    )
    listed = f"{', '.join(WORDS)} (default: {' '.join(_ASSUMPTIONS)})"
    parsers.add_many(parser, "--assumptions", "WORD", listed)
    parser.add_argument(
        "--deltas",
        action=Several,
        nargs="*",
        metavar="δ",
        help=f"shifts of all columns (default: {' '.join(_DELTAS)}), or COLUMN=δ,δ,… or COLUMN:GROUP=δ,δ,…",
    )
    parser.add_argument(
        "--by", metavar="COLUMN", help="groups of rows that are shifted apart, as a trial's arms"
    )
    parser.add_argument(
        "--sweeps",
        type=options.natural,
        default=0,
        metavar="N",
        help="how often the rest of a row is drawn anew, given the shifted values (0)",
    )
    parser.add_argument("--draws", type=options.positive, default=20, metavar="M", help="imputations (20)")
    parsers.add_columns(parser)
    parsers.add_limits(parser)
    parsers.add_models(parser)
    parsers.add_threads(parser)
    parsers.add_results(parser, "the table of results", "the means")
    parsers.add_reading(parser)
    # Each assumption is a word of the whole table.
    parser.set_defaults(run=run, given=[], group=[])


def run(typed: argparse.Namespace) -> int:
    """Read, train under each assumption, print and write."""
    kinds = options.pairs("--kind", typed.kind, options.KINDS)
    limits = options.limits(typed.limits)
    assumptions = typed.assumptions or list(_ASSUMPTIONS)
    said = delta_text.plain_or_by_name("--deltas", _DELTAS if typed.deltas is None else typed.deltas)
    for word in assumptions:
        options.known("--assumptions", "assumption", word, WORDS)
    options.check_outputs([*filter(None, [typed.output, typed.figure])], [typed.input])
    if typed.figure:
        options.check_figure(typed.figure)
    from notmiwae.estimators.assumptions import UNKNOWN
    from notmiwae.estimators.sensitivity import sensitivity

    table = checks.read_rows(typed, kinds, limits, "mar")
    options.check_columns("--columns", typed.columns, table.path, table.modelled.columns)
    options.check_columns("--by", [typed.by] if typed.by else [], table.path, table.modelled.columns)
    deltas: Any = said
    if isinstance(said, dict):
        deltas = delta_text.keyed("--deltas", said, table.modelled, typed.by, table.path)
    if "unknown" in assumptions:
        options.say(UNKNOWN, typed.quiet)
    settings = checks.models(typed)
    options.say(f"training {len(assumptions)} × {settings['members']} models …", typed.quiet)
    try:
        with warnings.catch_warnings():
            # It has been said, in a line for people who type commands.
            warnings.simplefilter("ignore", AssumptionWarning)
            found = sensitivity(
                table.told,
                typed.columns or None,
                assumptions,
                deltas,
                typed.draws,
                typed.by,
                typed.sweeps,
                kinds=kinds,
                limits=limits,
                censored=options.censored(typed.censored),
                verbose=options.verbose(typed),
                **settings,
            )
    except NotMIWAEError as error:
        raise type(error)(f"{table.path}: {error}") from None
    _report(typed, found)
    return 0


def _report(typed: argparse.Namespace, found: Sensitivity) -> None:
    import pandas as pd

    from notmiwae.cli.table_output import print_json, write_results

    rows = pd.concat([found.table, found.shifts], ignore_index=True)
    write_results(typed, rows, found.plot)
    if typed.json:
        print_json({"results": rows.to_dict("records"), "bounds": found.bounds.to_dict("records")})
        return
    shown = rows[["column", "assumption", "mean", "lower", "upper", "q10", "q50", "q90", "imputed_mean"]]
    ordered = shown.sort_values("column", kind="stable").to_string(index=False, float_format="{:.4g}".format)
    print(f"{ordered}\n\nheld-out bound, nats a row\n{found.bounds.to_string(index=False)}")
