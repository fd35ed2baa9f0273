"""Promote what a search found into params.yaml: `python -m study.search.promote SUMMARY`."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import Field
from yaml.nodes import CollectionNode, MappingNode, Node

from notmiwae.errors import DataError, NotMIWAEError, ParameterError, flat
from notmiwae.files import whole_file
from notmiwae.specs import Spec, parse_spec
from study.run.params_file import PARAMS_FILE, lookup, read_params

EXAMPLES = """\
examples:
  python -m study.search.promote sweep/gaussian/reports/summary.json --dry-run
  python -m study.search.promote sweep/gaussian/reports/summary.json
  python -m study.search.promote sweep/banknote/reports/summary.json --params paper/params.yaml

It prints each dial that changes, old → new; `dvc params diff` shows the same afterwards, and `dvc repro`
reruns the stages that read them. What is shared, as in `networks` or `training`, changes for all that
share it."""


class Best(Spec):
    """The best trial of a search.

    Attributes:
        trial: Number of the trial.
        bound: Held-out bound, nats a row.
        rmse: RMSE of the imputed cells.
        crps: CRPS of the imputed cells.
        dials: Values that it writes into params.yaml, by dotted key.
    """

    trial: int
    bound: float
    rmse: float | None
    crps: float | None
    dials: dict[str, Any] = Field(min_length=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what changes, and write it; the exit status is 2 after an error.

    Arguments:
        arguments: Words that follow the command's name; None: those that the process was started with.
    """
    parser = argparse.ArgumentParser(
        prog="python -m study.search.promote",
        description="Write what a search found into params.yaml.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("summary", type=Path, metavar="FILE", help="what `make sweep` wrote: a summary.json")
    parser.add_argument(
        "--params", type=Path, default=PARAMS_FILE, metavar="FILE", help="to change (default: params.yaml)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only print what would change")
    typed = parser.parse_args(arguments)
    try:
        print(promote(read_best(typed.summary), typed.params, typed.dry_run), file=sys.stderr)
    except (NotMIWAEError, OSError) as error:
        print(f"error: {flat(error)}", file=sys.stderr)
        return 2
    return 0


def promote(best: Best, params: Path, dry_run: bool = False) -> str:
    """Print what the best trial changes, and write it; return what was done, for people.

    Arguments:
        best: Best trial of a search.
        params: The params.yaml to change.
        dry_run: Whether it stays as it is.

    Raises:
        ParameterError: it has no such dial, or can't be changed in place.
    """
    before = read_params(params)
    changed = {key: value for key, value in best.dials.items() if lookup(before, key, params) != value}
    for key, value in changed.items():
        for name, old, new in _leaves(key, lookup(before, key), value):
            print(f"{name}: {old} → {new}")
    if not changed:
        return f"{params} holds the best trial's dials already"
    text = params.read_bytes().decode()
    for key, value in changed.items():
        text = replaced(text, key, value)
    _check(before, changed, text, params)
    if dry_run:
        return f"{params} is as it was: --dry-run"
    with whole_file(params) as temporary:
        temporary.write_bytes(text.encode())
    return f"{params}: {len(changed)} dial(s) of trial {best.trial}; `dvc repro` does the rest"


def read_best(path: Path) -> Best:
    """Read the best trial from what a search wrote, the JSON of `search_results.summary`.

    Raises:
        DataError: the file isn't there, or is something else.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `make sweep` writes it") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: can't be read as JSON: {error}") from None
    try:
        return parse_spec(Best, lookup(summary, "best", path), f"{path}: best")
    except ParameterError as error:
        raise DataError(f"{error}; accepted: the JSON that `make sweep` wrote") from None


def replaced(text: str, key: str, value: Any) -> str:
    """Return YAML with one value replaced where it stands; comments and layout around it stay.

    Mappings of the same keys are changed key by key. A block that becomes another one is written in one line.

    Arguments:
        text: YAML.
        key: Dotted key that is there.
        value: New value.
    """
    name, node = _find(text, key)
    if isinstance(node, MappingNode) and isinstance(value, Mapping):
        old = lookup(yaml.safe_load(text), key)
        if old.keys() == value.keys():
            for part, new in value.items():
                if old[part] != new:
                    text = replaced(text, f"{key}.{part}", new)
            return text
    written = _flow(value)
    if node.start_mark.index == node.end_mark.index:  # an empty value, which is null
        return f"{text[: name.end_mark.index]}: {written}{text[node.end_mark.index :]}"
    if not _is_block(node):
        return text[: node.start_mark.index] + written + text[_end(node) :]
    after = text.find("\n", _end(node))
    return f"{text[: name.end_mark.index]}: {written}{text[after:] if after >= 0 else ''}"


def _find(text: str, key: str) -> tuple[Node, Node]:
    """Return the nodes of a dotted key's last part and of its value."""
    name = node = cast(Node, yaml.compose(text, Loader=yaml.SafeLoader))
    for part in key.split("."):
        name, node = next(pair for pair in node.value if pair[0].value == part)
    return name, node


def _is_block(node: Node) -> bool:
    return isinstance(node, CollectionNode) and not node.flow_style


def _end(node: Node) -> int:
    """Return where a node's last value ends; the mark of a block is after the comments that follow it."""
    while _is_block(node) and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _flow(value: Any) -> str:
    # In a list, which is taken off again: alone, a plain scalar would end the document.
    return yaml.safe_dump([value], default_flow_style=True, width=10**6, sort_keys=False).strip()[1:-1]


def _leaves(key: str, old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
    """Yield what changes between two values, by dotted key; mappings of other keys change as a whole."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old.keys() == new.keys():
        for part in old:
            yield from _leaves(f"{key}.{part}", old[part], new[part])
    elif old != new:
        yield key, _flow(old), _flow(new)


def _with(entry: Any, key: Sequence[str], value: Any) -> Any:
    """Return an entry with one value replaced; what shares a part of it, by an alias, stays as it is."""
    return {**entry, key[0]: _with(entry[key[0]], key[1:], value)} if key else value


def _check(before: Mapping[str, Any], changed: Mapping[str, Any], text: str, path: Path) -> None:
    """Raise `ParameterError` unless the new text holds the new values and otherwise the old ones."""
    expected: Any = before
    for key, value in changed.items():
        expected = _with(expected, key.split("."), value)
    with suppress(yaml.YAMLError):
        if yaml.safe_load(text) == expected:
            return
    raise ParameterError(f"{path}: can't be changed in place (anchors?); write the values by hand")


if __name__ == "__main__":
    sys.exit(main())
