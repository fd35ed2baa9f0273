"""Bring the tables of the hand-written pages up to date and build the report: `python -m study.site`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from notmiwae.errors import NotMIWAEError, flat
from study.site.build_page import write
from study.site.chapters import FILLED, PAGE, SUMMARY


def main(arguments: Sequence[str] | None = None) -> int:
    """Write all, or nothing; the exit status is 1 after an error.

    Arguments:
        arguments: Words that follow the command's name; None: those that the process was started with.
    """
    parser = argparse.ArgumentParser(
        prog="python -m study.site",
        description=f"Build {PAGE} from the pages and results in the current folder, the repository, "
        f"and bring {SUMMARY} and the tables of {', '.join(FILLED)} up to date. After an error all files are "
        "as they were.",
    )
    parser.parse_args(arguments)
    try:
        notes = write(Path())
    except (NotMIWAEError, OSError) as error:
        print(f"error: {flat(error)}", file=sys.stderr)
        return 1
    for note in notes:
        print(note)
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
