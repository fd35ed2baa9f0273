"""The command `notmiwae`: its parser, its subcommands, how it ends.

A subcommand is a module with `add(subparsers)`, whose parser sets `run`, a function of the parsed arguments
that returns the exit status. What takes long to import is imported by `run`, so that `--help` is quick.
"""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial

from notmiwae import __version__
from notmiwae.cli import options
from notmiwae.cli.name_lists import ListParser, settle
from notmiwae.cli.streams import as_files
from notmiwae.errors import NotMIWAEError

SUBCOMMANDS = (
    "impute",
    "describe",
    "simulate",
    "evaluate",
    "sensitivity_command",
    "tipping_command",
    "compare_command",
    "check_command",
    "report_command",
)
"""Modules of this package, in the order of `--help`."""
USER_ERROR, INTERRUPTED = 2, 130
_EXAMPLES = """\
examples:
  notmiwae describe survey.csv
  notmiwae impute survey.csv -o imputed.csv --missing-process income=high
  notmiwae impute survey.csv -o imputed.csv --draws 20 --draws-out draws.csv --model-out model/
  notmiwae simulate complete.csv -o masked.csv --mechanism high
  notmiwae evaluate --truth complete.csv --masked masked.csv --imputed imputed.csv
  notmiwae sensitivity survey.csv --columns income --figure income.png
  notmiwae tipping trial.csv --outcome pain --on arm --by arm --deltas pain:drug=0,0.5,1 --figure tipping.png
  notmiwae compare survey.csv --columns income
  notmiwae check survey.csv --model model/
  notmiwae report survey.csv -o report.html

Tables are CSV (its separator is found; .csv.gz too) or, by the name's end, Parquet (.parquet), Stata (.dta)
or Excel (.xlsx, by `pip install "notmiwae[excel]"`). - is standard input, or output. Of lists `--ignore a b`,
`--ignore a,b` and `--ignore a --ignore b` say the same; the table stands before them.
`notmiwae SUBCOMMAND --help` says more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was typed (default: on the command line); 2 is the status after an error."""
    typed = parser().parse_args(arguments)
    typed.words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with as_files(typed) as options.names:
            options.check_sheet(typed)
            settle(typed, partial(_column_names, typed))
            status: int = typed.run(typed)
    except NotMIWAEError as error:
        return _failed(options.shown(error))
    except BrokenPipeError:
        # Who reads what is printed has seen enough, as `head` has; nor is there anybody to flush it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f"{options.shown(error.filename)}: " if error.filename else ""
        return _failed(f"{place}{error.strerror or error}; nothing was written")
    except MemoryError:
        return _failed("there isn't enough memory for this table; nothing was written")
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    return status


def _column_names(typed: argparse.Namespace) -> list[str]:
    """Read the names of the columns of the table that is typed."""
    from notmiwae.cli.table_input import column_names

    return column_names(typed.input, typed)


def program() -> int:
    """Be the program `notmiwae`: as `main`, and who interrupts it may press the keys more than once."""
    status = main()
    if status == INTERRUPTED:
        # Python needs a while to end, in which they would end it as a crash does.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return status


def parser() -> argparse.ArgumentParser:
    """Build the parser with all subcommands."""
    top = argparse.ArgumentParser(
        prog="notmiwae",
        description="Impute data that are missing not at random.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"notmiwae {__version__}")
    subparsers = top.add_subparsers(
        title="subcommands", metavar="SUBCOMMAND", required=True, parser_class=ListParser
    )
    for name in SUBCOMMANDS:
        importlib.import_module(f"notmiwae.cli.{name}").add(subparsers)
    return top


def _failed(message: str) -> int:
    # One line, whatever a name or a value in it holds.
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return USER_ERROR


if __name__ == "__main__":
    sys.exit(program())
