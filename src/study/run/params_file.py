"""`params.yaml` as it stands in the file: read safely, and looked up by dotted keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from notmiwae.errors import ParameterError, flat
from notmiwae.specs import suggest

PARAMS_FILE = Path("params.yaml")


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one written in C, eight times as fast, where PyYAML has it."""


_LARGEST = 2**20
"""Characters of a file, at most."""


_DEEPEST = 50
"""Mappings and lists within each other, at most: where the parser's stack ends, so does Python."""


def read_params(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """Read the whole of `params.yaml` as plain mappings.

    Raises:
        ParameterError: the file is absent, is no YAML, or holds no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _check_size(text, path)
        loaded = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe one
    except ParameterError:
        raise
    except FileNotFoundError:
        raise ParameterError(f"{path}: no such file; run from the repository's root") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: can't be read: {error}") from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError) as error:
        # All but the first are PyYAML's own, at a value that isn't of the type that its tag says.
        raise ParameterError(f"{path}: not valid YAML: {flat(error)}") from None
    if not isinstance(loaded, dict):
        raise ParameterError(f"{path}: holds {type(loaded).__name__}, expected a mapping of sections")
    return loaded


def _check_size(text: str, path: Path) -> None:
    if len(text) > _LARGEST:
        raise ParameterError(f"{path}: has {len(text):,} characters; accepted: at most {_LARGEST:,}")
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                where = f"line {event.start_mark.line + 1}" if event.start_mark else "somewhere"
                raise ParameterError(f"{path}: {where}: nested deeper than {_DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def lookup(params: Mapping[str, Any], key: str, path: Path = PARAMS_FILE) -> Any:
    """Return the value at a dotted `key` such as `models.notmiwae.gaussian`.

    Raises:
        ParameterError: a part of the key is absent; the message lists what stands there.
    """
    value: Any = params
    walked = ""
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            there = [str(name) for name in value] if isinstance(value, Mapping) else []
            where = walked or "the top level"
            raise ParameterError(f"{path}: no key {part!r} in {where}{suggest(part, there)}")
        value = value[part]
        walked = f"{walked}.{part}" if walked else part
    return value
