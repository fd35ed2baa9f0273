"""Lists that are typed: `a b`, `a,b` and repeated options say the same, and a list leaves the table its name.

A name may hold a comma itself: what is the name of a column stays whole. Names are known once the head of the
table is read, so words are cut up by `settle`, after they have been parsed.
"""

import argparse
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from notmiwae.errors import ParameterError

_NEGATIVE = re.compile(r"-(\d+\.?\d*|\.\d+)(,-?(\d+\.?\d*|\.\d+))*$")
_NAMES = ("ignore", "at_random", "one_curve", "columns", "assumptions", "beside")
"""Options that list names or words."""
_PAIRS = ("kind", "missing_process", "limits", "old_limits", "censored", "censor")
"""Options that list `COLUMN=WORD`."""
_LISTS = ("given", "group")
"""Options that list `NAME=COLUMN,COLUMN`."""
NO_GROUP = "nothing"
"""Word of `--group` by which gaps are independent."""


class Several(argparse.Action):
    """Takes several words, and more where the option is typed again; remembers the last one of each time."""

    @override
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        words = [*(getattr(namespace, self.dest) or []), *values]
        setattr(namespace, self.dest, words)
        if values:
            ends = [*getattr(namespace, "ends_of_lists", []), (self.dest, len(words) - 1)]
            namespace.ends_of_lists = ends


class ListParser(argparse.ArgumentParser):
    """A parser of a subcommand, whose table may stand behind a list: `--ignore a b survey.csv`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # What begins with a minus is an option, but for numbers; for lists of them, too.
        self._negative_number_matcher = _NEGATIVE

    @override
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        inputs = [each for each in self._actions if each.dest == "input" and not each.option_strings]
        for each in inputs:
            each.required = False  # whether it's there is said below
        found, rest = super().parse_known_args(args, namespace)
        if inputs and found.input is None:
            found.input = self._behind_a_list(found)
        vars(found).pop("ends_of_lists", None)
        return found, rest

    def _behind_a_list(self, found: argparse.Namespace) -> Path:
        """Take the one existing file that stands last in a list from it."""
        ends = [
            (option, place)
            for option, place in getattr(found, "ends_of_lists", [])
            if getattr(found, option)[place] == "-" or Path(getattr(found, option)[place]).is_file()
        ]
        if len(ends) != 1:
            how = "a list of names takes all words up to the next option" if hasattr(found, "ignore") else ""
            first = f"accepted: the table first, as in: {self.prog} TABLE …"
            self.error("; ".join(filter(None, ["the table is missing", how, first])))
        option, place = ends[0]
        return Path(getattr(found, option).pop(place))


def settle(typed: argparse.Namespace, read_names: Callable[[], Sequence[str]]) -> None:
    """Cut the lists of all options into what they name.

    Arguments:
        typed: Options, of which lists are replaced: by lists of names or pairs, those of
            `NAME=COLUMN,COLUMN` by mappings.
        read_names: Function that reads the names of the table's columns; called where a text has a comma.

    Raises:
        ParameterError: a list isn't one.
    """
    options = [each for each in (*_NAMES, *_PAIRS, *_LISTS) if getattr(typed, each, None)]
    commas = any("," in text for option in options for text in getattr(typed, option))
    names = frozenset(read_names()) if commas else frozenset()
    for option in options:
        words = [word for text in getattr(typed, option) for word in cut(text, names)]
        setattr(typed, option, words)
        if option in _NAMES:
            setattr(typed, option, list(dict.fromkeys(words)))
        elif option in _LISTS:
            alone = option == "group" and words == [NO_GROUP]
            setattr(typed, option, {} if alone else _lists(f"--{option}", words, names))


def cut(text: str, names: Collection[str]) -> list[str]:
    """Cut a text at its commas, but for those within a name.

    Arguments:
        text: Names with commas between them; each may be `NAME=WORD` or `WORD=NAME`.
        names: Names that may have commas.
    """
    found, parts = [], text.split(",")
    while parts:
        end = next(
            (end for end in range(len(parts), 1, -1) if _is_one(",".join(parts[:end]), names)),
            1,
        )
        word = ",".join(parts[:end])
        found.append(word if word in names else word.strip())
        del parts[:end]
    return [word for word in found if word] or [text]


def _is_one(text: str, names: Collection[str]) -> bool:
    """Tell whether a text with commas is one name, or names one on a side of its `=`."""
    if text in names:
        return True
    left, equals, right = text.partition("=")
    return bool(equals) and all(side in names or "," not in side for side in (left, right))


def _lists(option: str, words: Iterable[str], names: Collection[str]) -> Mapping[str, list[str]]:
    """Return what `NAME=COLUMN COLUMN` says, by name: a word without `=` belongs to the name before it."""
    found: dict[str, list[str]] = {}
    name = None
    for word in words:
        left, equals, right = word.partition("=")
        if equals and word not in names:
            name = left.strip()
            if not name or not right:
                raise ParameterError(f"{option}: found {word!r}; accepted: NAME=COLUMN,COLUMN")
            if name in found:
                raise ParameterError(f"{option}: {name!r} is named twice")
            found[name] = [right if right in names else right.strip()]
        elif name is None:
            raise ParameterError(f"{option}: found {word!r}; accepted: NAME=COLUMN,COLUMN")
        else:
            found[name].append(word)
    return found
