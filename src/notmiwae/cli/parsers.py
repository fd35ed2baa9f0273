"""Parsers of subcommands, and the options that several have; `options.py` reads what is typed for them."""

import argparse
from pathlib import Path
from typing import Any

from notmiwae.cli.name_lists import Several
from notmiwae.cli.options import FIGURES, KINDS, positive, seed

WORDS_OF_MISSING_PROCESS = """\
words of --missing-process, of the whole table or of columns (others are then missing at random):
  auto        mar, high or low, for each column of numbers what foretells unseen rows best, and mar
              where nothing does (taken where nothing is said)
  high, low   higher (lower) values go missing
  unknown     one of the two, for each column the one that fits better; it can't tell that neither
              does, as where values are missing at random: there it imputes far worse than mar
  extreme     both ends; middle: what lies between
  anything    missingness may depend on all values of the row; of the whole table only
  mar         given what is seen, missingness says nothing of the values
  mcar        it depends on nothing
  category    each category goes missing at a rate of its own; of columns of categories"""


def add_parser(subparsers: Any, name: str, description: str, examples: str) -> argparse.ArgumentParser:
    """Add a subcommand's parser, with examples below its help."""
    first = description.split(":")[0].rstrip(".")
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=first[0].lower() + first[1:],
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # What a stream in the place of an output holds.
    parser.set_defaults(writes=".csv")
    return parser


def add_many(parser: Any, option: str, metavar: str, text: str) -> None:
    """Add an option that takes several words, with blanks or commas between them or typed several times.

    Arguments:
        parser: Parser, or a group of its options.
        option: Name of the option.
        metavar: What a word stands for.
        text: Help.
    """
    parser.add_argument(option, action=Several, nargs="+", default=[], metavar=metavar, help=text)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options of how a CSV file is read."""
    parser.add_argument("--sheet", metavar="NAME", help="of an Excel workbook (default: the first)")
    group = parser.add_argument_group("reading of CSV files")
    group.add_argument(
        "--separator", metavar="CHARACTER", help="between columns (default: found among , ; tab |)"
    )
    group.add_argument(
        "--decimal", choices=(".", ","), help="default: a comma where the numbers of a column have one"
    )
    group.add_argument(
        "--encoding", metavar="NAME", help="of the text, as cp1252 (default: UTF-8, or UTF-16)"
    )
    group.add_argument("--comment", metavar="TEXT", help="lines that begin with it are passed over, as '#'")
    group.add_argument(
        "--no-header",
        action="store_true",
        help="the first row is data: columns are called 1, 2, …, and none is written (Excel too)",
    )
    add_many(
        group,
        "--na",
        "TEXT",
        "further markers of a missing value, beside an empty cell, NA, N/A, NaN, null, None, ?, -, ., "
        "<NA>, and #N/A and kin of spreadsheets",
    )


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Add the options of what columns are."""
    add_many(
        parser,
        "--kind",
        "COLUMN=KIND",
        f"a column's kind, where it isn't what was found: {', '.join(KINDS)}",
    )
    add_many(
        parser,
        "--ignore",
        "COLUMN",
        "columns such as identifiers, which are carried along and not looked at",
    )


def add_assumption(parser: argparse.ArgumentParser) -> None:
    """Add the options of why values are missing."""
    add_many(
        parser,
        "--missing-process",
        "WORD",
        "why values are missing: a WORD, or COLUMN=WORD, see below",
    )
    add_many(
        parser,
        "--given",
        "COLUMN=COLUMN,…",
        "columns that decide too on whether a COLUMN is missing; or `complete` ones, or all `others`, or "
        "`nothing` (default: `perhaps` the complete ones, as far as the data ask for it)",
    )
    add_many(
        parser,
        "--at-random",
        "COLUMN",
        "columns that lose a share of their values whatever they are, beside those of their word",
    )
    add_many(
        parser,
        "--one-curve",
        "COLUMN",
        "columns that one curve makes lose values, as one instrument's: each at an edge of its own",
    )
    add_many(
        parser,
        "--group",
        "NAME=COLUMN,…",
        "columns whose gaps come together in a row, as a visit's or a batch's; `nothing`: none do (default: "
        "those said to be high, low or unknown may)",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the option of what imputed numbers lie between."""
    add_many(
        parser,
        "--limits",
        "COLUMN=LOWEST:HIGHEST",
        "what imputed numbers lie between; one of the two may be left out",
    )
    add_censored(parser)


def add_censored(parser: argparse.ArgumentParser) -> None:
    """Add the option of what gaps are known to lie between."""
    add_many(
        parser,
        "--censored",
        "COLUMN=LOWER:UPPER",
        "what a column's gaps are known to lie between: numbers, or columns with each row's limit; one of "
        "them may be left out, as in lead=:0.5 or lead=:lod. Cells as <0.5, >100 or [2,5] say so themselves",
    )


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the options of how models are trained and impute."""
    parser.add_argument(
        "--shapes",
        action=argparse.BooleanOptionalAction,
        help="columns learn their shape: for skewed ones, as amounts are (default: those with --limits)",
    )
    add_models(parser)
    parser.add_argument("--samples", type=positive, help="importance samples a row at most (default: 200)")
    add_threads(parser)


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the options of how long, how many and on which rows models are trained; None: nothing was said."""
    parser.add_argument("--steps", type=positive, help="of training (default: 700 to 2,000, by rows)")
    parser.add_argument("--members", type=positive, help="models that impute together (default: 5)")
    parser.add_argument(
        "--bootstrap",
        action="store_true",
        default=None,
        help="each model learns from rows drawn with replacement, so that draws give honest standard errors; "
        "best with --members 10 or more",
    )
    parser.add_argument("--seed", type=seed, help="of everything random (default: 0)")


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the option of how many threads compute."""
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="of each process (default: 1, which is nearly as fast; others may change the last digits)",
    )


def add_results(parser: argparse.ArgumentParser, table: str, figure: str) -> None:
    """Add the options of where results go.

    Arguments:
        parser: Parser.
        table: What the table of results is called.
        figure: What the figure shows.
    """
    written = f"{table}, in the format of its name's end"
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=written)
    shown = f"a figure of {figure}, {' '.join(FIGURES)}"
    parser.add_argument("--figure", type=Path, metavar="FILE", help=shown)
    parser.add_argument("--json", action="store_true", help="print the results as JSON on standard output")
    parser.add_argument("--quiet", action="store_true", help="print nothing but results and errors")
