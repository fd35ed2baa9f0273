"""`python -m notmiwae.cli` is the command `notmiwae`."""

import sys

from notmiwae.cli.main import program

if __name__ == "__main__":
    sys.exit(program())
