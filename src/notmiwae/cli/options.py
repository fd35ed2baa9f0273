"""Options that subcommands share, and what is typed after them."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from notmiwae.cli.name_lists import Several
from notmiwae.errors import DataError, ParameterError

KINDS = ("continuous", "count", "binary", "categorical")
FIGURES = (".png", ".pdf", ".svg")
WORDS = ("auto", "high", "low", "unknown", "extreme", "middle", "anything", "mar", "mcar", "category")
"""`ASSUMPTIONS`, which takes seconds to import."""
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
TABLES = ".csv, .csv.gz, .tsv, .parquet, .xlsx"
"""How the names of tables end that are read and written."""
OTHER_FORMATS = (
    *(".xls", ".xlsm", ".xlsb", ".ods", ".dta", ".sav", ".por", ".sas7bdat", ".xpt", ".rds", ".rdata"),
    *(".json", ".jsonl", ".feather", ".arrow", ".orc", ".h5", ".hdf5", ".pkl", ".pickle", ".npy", ".npz"),
    *(".zip", ".bz2", ".xz", ".zst", ".db", ".sqlite"),
)
"""How the names of files end that hold something else than is read or written."""
WORKBOOK = ".xlsx"
"""How the names of Excel workbooks end."""
INSTALL = 'pip install "notmiwae[excel]"'
_LARGEST_SEED = 2**32 - 1
names: dict[str, str] = {}
"""What was typed for a stream, by the path that stands for it while a subcommand runs; see `streams.py`."""
_SHOWN = 12
"""Names that a message lists at most."""


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
        "columns that decide too on whether a COLUMN is missing; or `complete` ones, or all `others`",
    )
    add_many(
        parser,
        "--at-random",
        "COLUMN",
        "columns that lose a share of their values whatever they are, beside those of their word",
    )
    add_many(
        parser,
        "--group",
        "NAME=COLUMN,…",
        "columns whose gaps come together in a row, as a visit's or a batch's",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the option of what imputed numbers lie between."""
    add_many(
        parser,
        "--limits",
        "COLUMN=LOWEST:HIGHEST",
        "what imputed numbers lie between; one of the two may be left out",
    )


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the options of how models are trained and impute."""
    parser.add_argument("--steps", type=positive, help="of training (default: 700 to 2,000, by rows)")
    parser.add_argument("--members", type=positive, help="models that impute together (default: 5)")
    parser.add_argument("--samples", type=positive, help="importance samples a row at most (default: 200)")
    parser.add_argument("--seed", type=seed, help="of everything random (default: 0)")
    add_threads(parser)


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the option of how many threads compute."""
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="of each process (default: 1, which is nearly as fast; others may change the last digits)",
    )


def pairs(option: str, typed: Iterable[str], words: Sequence[str]) -> dict[str, str]:
    """Return what `COLUMN=WORD` says, by column.

    Raises:
        ParameterError: something has no `=`, an unknown word, or a column comes twice.
    """
    found: dict[str, str] = {}
    for each in typed:
        name, equals, word = each.rpartition("=")
        if not equals:
            raise ParameterError(f"{option}: found {each!r}; accepted: COLUMN=WORD")
        known(option, "word", word, words)
        if name in found:
            raise ParameterError(f"{option}: column {name!r} is named twice")
        found[name] = word
    return found


def limits(typed: Iterable[str]) -> dict[str, tuple[float | None, float | None]]:
    """Return what `COLUMN=LOWEST:HIGHEST` says, by column; one of the two may be left out."""
    found: dict[str, tuple[float | None, float | None]] = {}
    for each in typed:
        name, equals, span = each.rpartition("=")
        low, colon, high = span.partition(":")
        try:
            if not equals or not colon:
                raise ValueError
            found[name] = (float(low) if low else None, float(high) if high else None)
        except ValueError:
            raise ParameterError(
                f"--limits: found {each!r}; accepted: COLUMN=LOWEST:HIGHEST, as wage=0: or share=0:100"
            ) from None
    return found


def known(option: str, what: str, found: str, accepted: Iterable[str], where: str = "") -> None:
    """Raise `ParameterError`, with the nearest accepted name, if `found` isn't one of them."""
    accepted = list(accepted)
    if found in accepted:
        return
    from notmiwae.specs import suggest

    raise ParameterError(f"{option}: no {what} {found!r}{where}{suggest(found, accepted, _SHOWN)}")


def check_columns(option: str, names: Iterable[str], path: Path, columns: Iterable[str]) -> None:
    """Raise `ParameterError` if an option names a column that a file hasn't."""
    columns = list(columns)
    for name in names:
        known(option, "column", name, columns, f" in {path}")


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Raise `DataError` if files can't be written, before work is done that would be lost."""
    taken = {each.resolve(): "is read too; nothing is written over what is read" for each in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise DataError(f"{path}: {taken[path.resolve()]}")
        if path.is_dir():
            raise DataError(f"{path}: is a folder; accepted: the name of a file")
        if path.suffix.lower() in OTHER_FORMATS:
            raise DataError(f"{path}: can't be written as {path.suffix}; accepted: {TABLES}")
        if path.suffix.lower() == WORKBOOK and find_spec("openpyxl") is None:
            raise DataError(f"{path}: Excel workbooks need openpyxl, which isn't installed: {INSTALL}")
        check_folder(path)
        taken[path.resolve()] = "is to be written twice; accepted: two names"


def check_sheet(typed: argparse.Namespace) -> None:
    """Raise `ParameterError` if a sheet is named and nothing that is read has sheets."""
    inputs = [getattr(typed, name, None) for name in ("input", "truth", "masked", "imputed", "draws")]
    paths = [path for path in inputs if isinstance(path, Path)]
    if getattr(typed, "sheet", None) and not any(path.suffix.lower() == WORKBOOK for path in paths):
        raise ParameterError(f"--sheet: {paths[0]} has no sheets; accepted: with an Excel workbook, .xlsx")


def check_figure(path: Path) -> None:
    """Raise `DataError` if a figure can't be of the format that its name's end says."""
    if path.suffix.lower() not in FIGURES:
        raise DataError(f"{path}: unknown format; accepted: {', '.join(FIGURES)}")


def check_folder(path: Path) -> None:
    """Raise `DataError` if nothing can be written beside `path`."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise DataError(f"{path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"{path}: the folder {folder} isn't writable")


def positive(text: str) -> int:
    """Parse a whole number from 1 upwards, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {text}; accepted: whole numbers from 1 upwards")
    return number


def natural(text: str) -> int:
    """Parse a whole number from 0 upwards, for argparse."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"found {text}; accepted: whole numbers from 0 upwards")
    return number


def seed(text: str) -> int:
    """Parse the seed of a generator, for argparse."""
    number = int(text)
    if not 0 <= number <= _LARGEST_SEED:
        accepted = f"accepted: whole numbers from 0 to {_LARGEST_SEED}"
        raise argparse.ArgumentTypeError(f"found {text}; {accepted}")
    return number


def verbose(typed: argparse.Namespace) -> int:
    """Tell whether somebody wants to see progress bars, as the estimators take it."""
    return int(not typed.quiet and sys.stderr.isatty())


def say(text: str, quiet: bool = False) -> None:
    """Print a line for people, on the error stream: the other one is for what a program reads."""
    if not quiet:
        print(shown(text), file=sys.stderr)


def shown(text: object) -> str:
    """Return a text with streams named as they were typed."""
    line = str(text)
    for path, name in names.items():
        line = line.replace(path, name)
    return line
