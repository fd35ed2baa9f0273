"""`notmiwae report`: a page on what is missing in a table, and what it may have been, for a colleague."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from notmiwae.cli import input_checks as checks
from notmiwae.cli import options, parsers
from notmiwae.errors import DataError, NotMIWAEError, ParameterError

_EXAMPLES = """\
  notmiwae report survey.csv -o report.html
  notmiwae report survey.csv -o report.html --missing-process income=high --ignore id
  notmiwae report survey.csv -o report.html --title "Survey of 2026" --draws 50

The page shows what is missing and how gaps meet, the evidence on why, checks of the gaps, what was imputed,
pooled estimates, how far they depend on the assumption, and a paragraph for a paper's methods. It is one
file, which asks the network for nothing.

"""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    description = "Write a page on what is missing in a table and what it may have been."
    examples = _EXAMPLES + parsers.WORDS_OF_MISSING_PROCESS
    parser = parsers.add_parser(subparsers, "report", description, examples)
    parser.add_argument("input", type=Path, help="the table")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the page, .html")
    parser.add_argument("--title", help="of the page (default: the name of the file)")
    parsers.add_assumption(parser)
    parser.add_argument(
        "--draws",
        type=options.positive,
        default=20,
        metavar="M",
        help="multiple imputations, 2 at least (20)",
    )
    parsers.add_columns(parser)
    parsers.add_limits(parser)
    parsers.add_training(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parsers.add_reading(parser)
    parser.set_defaults(run=run, writes=".html")


def run(typed: argparse.Namespace) -> int:
    """Read, train, write."""
    assumption = checks.said(typed) or "auto"
    kinds = options.pairs("--kind", typed.kind, options.KINDS)
    limits = options.limits(typed.limits)
    if typed.draws < 2:
        raise ParameterError(f"--draws: found {typed.draws}; accepted: 2 at least, or nothing can be pooled")
    if typed.output.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"{typed.output}: unknown format; accepted: .html")
    options.check_outputs([typed.output], [typed.input])
    from notmiwae import __version__
    from notmiwae.cli import summary
    from notmiwae.cli.table_output import write_all
    from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer
    from notmiwae.progress import progress_bar
    from notmiwae.report.findings import gather
    from notmiwae.report.page import render

    table = checks.read_rows(typed, kinds, limits, assumption)
    known = summary.of_table(table)
    options.say(summary.first_lines(known), typed.quiet)
    if not known["missing_cells"]:
        raise DataError(f"{table.path}: no value is missing: there is nothing to report on")
    groups = checks.groups(typed)
    settings = checks.settings(typed, kinds, limits) | {"verbose": 0}
    imputer = NotMIWAEImputer(assumption, groups=groups, **settings)
    try:
        with progress_bar("report", bool(options.verbose(typed))) as report:
            found = gather(table.told, imputer, typed.draws, report)
    except NotMIWAEError as error:
        raise type(error)(f"{table.path}: {error}") from None
    said = {"missing_process": assumption, "groups": groups, "seed": settings["random_state"]}
    title = typed.title or Path(options.shown(table.path)).name
    notices = [*known["notices"], *map(summary.of_identifier, known["identifiers"])]
    command = shlex.join(["notmiwae", *typed.words])
    page = render(found, title, said, notices, known["carried_along"], command, __version__)
    write_all({typed.output: lambda path: path.write_text(page, encoding="utf-8")})
    options.say(f"wrote {typed.output}", typed.quiet)
    return 0
