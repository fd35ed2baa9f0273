"""`notmiwae impute`: fill the missing cells of a table, by a model that is trained on it or was saved."""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notmiwae.cli import input_checks as checks
from notmiwae.cli import options, parsers
from notmiwae.cli.name_lists import Several
from notmiwae.errors import AssumptionWarning, NotMIWAEError

if TYPE_CHECKING:
    import pandas as pd

    from notmiwae.cli.table_input import Table
    from notmiwae.estimators.miwae_imputer import MIWAEImputer

_DRAWS = 20
_EXAMPLES = (
    """\
  notmiwae impute survey.csv -o imputed.csv
  notmiwae impute survey.csv -o imputed.csv --missing-process high
  notmiwae impute survey.csv -o imputed.csv --missing-process income=high age=mcar --ignore id
  notmiwae impute survey.csv -o imputed.csv --missing-process income=low --given income=age,children
  notmiwae impute survey.csv -o imputed.csv --missing-process low --group wave2=weight,pulse,height
  notmiwae impute survey.csv -o imputed.csv --draws 20 --draws-out draws.csv
  notmiwae impute survey.csv -o imputed.csv --kind visits=count --limits income=0: share=0:100
  notmiwae impute blood.csv -o imputed.csv --censored lead=:0.5 mercury=:lod
  notmiwae impute survey.csv -o imputed.csv --model-out model/
  notmiwae impute new.csv -o imputed.csv --model model/
  notmiwae impute survey.xlsx -o imputed.xlsx --sheet Answers

"""
    + parsers.WORDS_OF_MISSING_PROCESS
)


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = parsers.add_parser(subparsers, "impute", "Fill in the missing cells of a table.", _EXAMPLES)
    parser.add_argument("input", type=Path, help="the table")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="the completed table, in the format of its name's end",
    )
    parsers.add_assumption(parser)
    parser.add_argument(
        "--draws", type=options.positive, metavar="M", help="multiple imputations (default: 20)"
    )
    parser.add_argument(
        "--draws-out",
        type=Path,
        metavar="FILE",
        help="where they go, below each other; .imp is 0 of the table as it came, then 1 to M; .id the row",
    )
    parser.add_argument(
        "--mark-censored",
        action="store_true",
        help="add a column COLUMN_censored of what was known of each cell, as <0.5, before it was imputed",
    )
    parser.add_argument("--model-out", type=Path, metavar="FOLDER", help="where the trained model goes")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="impute by this model, which was saved")
    parsers.add_columns(parser)
    parsers.add_limits(parser)
    parser.add_argument("--bounds", action=Several, nargs="+", dest="old_limits", help=argparse.SUPPRESS)
    parsers.add_training(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON on standard output")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parsers.add_reading(parser)
    parser.set_defaults(run=run)


def run(typed: argparse.Namespace) -> int:
    """Read, train or load, impute, write."""
    assumption = checks.said(typed) or "auto"
    kinds = options.pairs("--kind", typed.kind, options.KINDS)
    if typed.old_limits:
        options.say("--bounds is called --limits now; the old name goes in version 0.4", typed.quiet)
        typed.limits += typed.old_limits
    limits = options.limits(typed.limits)
    checks.paths(typed)
    from notmiwae.cli import out_of_core as large
    from notmiwae.cli import summary

    if large.is_large(typed.input):
        found = large.run(typed, assumption, kinds, limits)
    else:
        found = _run(typed, assumption, kinds, limits)
    if "bound" in found:
        options.say(summary.last_lines(found), typed.quiet)
    options.say(f"wrote {typed.output}", typed.quiet)
    if typed.json:
        from notmiwae.cli.table_output import print_json

        print_json(found | {name: options.shown(getattr(typed, name)) for name in ("input", "output")})
    return 0


def _run(typed: argparse.Namespace, assumption: Any, kinds: dict[str, str], limits: Any) -> dict[str, Any]:
    """Impute a table that fits into memory; returns what is to be said."""
    from notmiwae.cli import summary
    from notmiwae.cli.table_output import check_room

    if typed.model:
        from notmiwae.cli import saved_imputer as saved

        imputer = saved.load(typed.model)
        table = saved.read_rows(typed, imputer.columns_)
    else:
        table = checks.read_rows(typed, kinds, limits, assumption)
    found = summary.of_table(table)
    options.say(summary.first_lines(found), typed.quiet)
    check_room(typed, table, draws_asked(typed))
    if not found["missing_cells"]:
        options.say(summary.NOTHING, typed.quiet)
        _write(typed, table, [table.frame] * (1 + draws_asked(typed)), None)
        found["notice"] = summary.NOTHING
    else:
        try:
            if not typed.model:
                imputer = fitted(typed, table, assumption, kinds, limits)
            imputer.verbose = options.verbose(typed)
            frames = completed(typed, imputer, table, 0)
        except NotMIWAEError as error:
            raise type(error)(f"{table.path}: {error}") from None
        _write(typed, table, frames, imputer)
        found |= summary.of_imputer(imputer)
    return found


def fitted(
    typed: argparse.Namespace, table: Table, assumption: Any, kinds: dict[str, str], limits: Any
) -> MIWAEImputer:
    """Train an imputer with the settings that were typed; say what is to be known of them."""
    from notmiwae.estimators.miwae_imputer import MIWAEImputer
    from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer

    settings = checks.settings(typed, kinds, limits)
    options.say(f"training {settings['members']} model(s) …", typed.quiet)
    groups = checks.groups(typed)
    imputer = NotMIWAEImputer(assumption, groups=groups, **settings)
    if assumption == "mar" and not groups:
        imputer = MIWAEImputer(**settings)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AssumptionWarning)
        imputer.fit(table.told)
    for each in said:
        if issubclass(each.category, AssumptionWarning):
            # A line for people who type commands.
            options.say(f"notice: {each.message}", typed.quiet)
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    return imputer


def completed(
    typed: argparse.Namespace, imputer: MIWAEImputer, table: Table, first: int
) -> list[pd.DataFrame]:
    """Return the completed table, then each draw, with the columns that are carried along, in their order.

    Arguments:
        typed: Options of the command.
        imputer: Fitted imputer.
        table: Table, or a piece of a larger one.
        first: Number of the table's first row.
    """
    if typed.samples:
        imputer.n_samples = typed.samples
    if typed.threads:
        imputer.n_threads = typed.threads
    rows = table.told[[column.name for column in imputer.columns_]]
    mean, draws = imputer.complete(rows, draws_asked(typed), first)
    frames = [table.frame.assign(**{str(name): each[name] for name in each}) for each in (mean, *draws)]
    if typed.mark_censored:
        from notmiwae.cli.censored_cells import marks

        frames[0] = frames[0].assign(**marks(table, rows, imputer))
    return frames


def draws_asked(typed: argparse.Namespace) -> int:
    """Count the multiple imputations that are to be written."""
    return (typed.draws or _DRAWS) if typed.draws_out else 0


def _write(
    typed: argparse.Namespace,
    table: Table,
    frames: list[pd.DataFrame],
    imputer: MIWAEImputer | None,
) -> None:
    from notmiwae.cli.table_output import frame_writer, long_format, table_writer, write_all

    filled, *draws = frames
    writers = {typed.output: table_writer(typed.output, filled, table)}
    if typed.draws_out:
        stacked = long_format(typed.draws_out, table, draws)
        writers[typed.draws_out] = frame_writer(typed.draws_out, stacked, table, header=True)
    if typed.model_out and imputer is not None:
        write_all(writers, partial(imputer.save, typed.model_out))
    else:
        write_all(writers)
