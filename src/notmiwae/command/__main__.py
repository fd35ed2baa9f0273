"""`python -m notmiwae.command` is the command `notmiwae`."""

import sys

from notmiwae.command.main import program

if __name__ == "__main__":
    sys.exit(program())
