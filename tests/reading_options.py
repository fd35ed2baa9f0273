"""Options of how files are read, as if nothing had been typed but what is given."""

from argparse import ArgumentParser, Namespace
from typing import Any

from notmiwae.cli.parsers import add_reading


def reading(**given: Any) -> Namespace:
    parser = ArgumentParser()
    add_reading(parser)
    typed = parser.parse_args([])
    vars(typed).update(given)
    return typed
