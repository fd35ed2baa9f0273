"""`python -m notmiwae.command` is the command `notmiwae`."""

import sys

from notmiwae.command.main import main

if __name__ == "__main__":
    sys.exit(main())
