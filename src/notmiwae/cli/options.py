"""What is typed for the options of subcommands: read, and checked; `parsers.py` adds the options."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from notmiwae.errors import DataError, ParameterError

KINDS = ("continuous", "count", "binary", "categorical")
FIGURES = (".png", ".pdf", ".svg")
WORDS = ("auto", "high", "low", "unknown", "extreme", "middle", "anything", "mar", "mcar", "category")
"""`ASSUMPTIONS`, which takes seconds to import."""
TABLES = ".csv, .csv.gz, .tsv, .parquet, .xlsx, .dta"
"""How the names of tables end that are read and written."""
OTHER_FORMATS = (
    *(".xls", ".xlsm", ".xlsb", ".ods", ".sav", ".por", ".sas7bdat", ".xpt", ".rds", ".rdata"),
    *(".json", ".jsonl", ".feather", ".arrow", ".orc", ".h5", ".hdf5", ".pkl", ".pickle", ".npy", ".npz"),
    *(".zip", ".bz2", ".xz", ".zst", ".db", ".sqlite"),
)
"""How the names of files end that hold something else than is read or written."""
WORKBOOK = ".xlsx"
"""How the names of Excel workbooks end."""
STATA = ".dta"
"""How the names of Stata's files end."""
INSTALL = 'pip install "notmiwae[excel]"'
_LARGEST_SEED = 2**32 - 1
names: dict[str, str] = {}
"""What was typed for a stream, by the path that stands for it while a subcommand runs; see `streams.py`."""
_SHOWN = 12
"""Names that a message lists at most."""


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


End = float | str | None
"""An end of what gaps lie between: a number, a column of numbers, or none."""


def censored(typed: Iterable[str]) -> dict[str, tuple[End, End]]:
    """Return what `COLUMN=LOWER:UPPER` says, by column; one of the two may be left out, or name a column."""
    found: dict[str, tuple[End, End]] = {}
    for each in typed:
        name, equals, span = each.rpartition("=")
        low, colon, high = span.partition(":")
        if not equals or not colon or not (low or high):
            accepted = "accepted: COLUMN=LOWER:UPPER, as lead=:0.5, or lead=:lod with a column of limits"
            raise ParameterError(f"--censored: found {each!r}; {accepted}")
        if name in found:
            raise ParameterError(f"--censored: column {name!r} is named twice")
        found[name] = (_end(low), _end(high))
    return found


def _end(text: str) -> End:
    """Return an end as a number, if it is one, or as the name of a column."""
    try:
        return float(text) if text else None
    except ValueError:
        return text


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


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path], filled: Path | None = None) -> None:
    """Raise `DataError` if files can't be written, before work is done that would be lost.

    Arguments:
        outputs: What is to be written.
        inputs: What is read.
        filled: The output that is the first input with other cells; None: none is.
    """
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
        if path.suffix.lower() == STATA and (path is not filled or inputs[0].suffix.lower() != STATA):
            accepted = "accepted: a .dta as input, too, and as --output"
            raise DataError(
                f"{path}: a Stata file is written only as the one that was read, filled; {accepted}"
            )
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
