"""`python -m notmiwae.site`: bring the tables of the hand-written pages up to date and build the report."""

from __future__ import annotations

import sys
from pathlib import Path

from notmiwae.errors import NotMIWAEError
from notmiwae.site.build import PAGE, write


def main() -> int:
    """Write all; the exit status is 1 after an error."""
    try:
        write(Path())
    except NotMIWAEError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
