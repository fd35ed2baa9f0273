"""`params.yaml` as typed, validated objects.

A `Spec` is one entry's fields with their types and bounds. A `Registry` maps the `kind` of an entry to the
one class that carries it, so that a new data set, mechanism, network or missing process is a new class in
its own module and nothing else.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from notmiwae.errors import ParameterError, flat

PARAMS_FILE = Path("params.yaml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one written in C, eight times as fast, where PyYAML has it."""
_LARGEST = 2**20
"""Characters of a file, at most."""
_DEEPEST = 50
"""Mappings and lists within each other, at most: where the parser's stack ends, so does Python."""


class Spec(BaseModel):
    """One entry of `params.yaml`: immutable, and without room for a misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = ""
    """The name under which the class is registered, if it is."""

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, values: Any) -> Any:
        # Before pydantic's own check, which knows neither the accepted keys nor that a required key that
        # is absent may be the one misspelt.
        if isinstance(values, Mapping):
            for name in values:
                if name not in cls.model_fields:
                    accepted = suggest(name, cls.model_fields)
                    context = {"name": str(name), "accepted": accepted}
                    raise PydanticCustomError("unknown_key", "unknown key{accepted}", context)
        return values

    def to_mapping(self) -> dict[str, Any]:
        """The entry of `params.yaml` that describes this object, `kind` and nested entries included."""
        own = {"kind": self.kind} if self.kind else {}
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return own | {
            name: value.to_mapping() if isinstance(value, Spec) else value for name, value in values.items()
        }


S = TypeVar("S", bound=Spec)
C = TypeVar("C", bound=Spec)


class Registry(Generic[S]):
    """The classes that an entry's `kind` can name.

    Arguments:
        what: What is registered, for messages ("mechanism").
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._classes: dict[str, type[S]] = {}

    def register(self, name: str) -> Callable[[type[C]], type[C]]:
        """Enter the decorated class under `name`."""

        def enter(cls: type[C]) -> type[C]:
            if name in self._classes:
                raise KeyError(f"{self.what} {name!r} is registered twice")
            cls.kind = name
            self._classes[name] = cls  # type: ignore[assignment]
            return cls

        return enter

    def names(self) -> list[str]:
        """Every registered name, sorted."""
        return sorted(self._classes)

    def parse(self, entry: Any) -> S:
        """Build the object that `entry = {kind: name, **fields}` describes.

        Raises:
            ValueError: `entry` is no mapping, or its `kind` is missing or unknown.
            pydantic.ValidationError: one of the fields doesn't fit.
        """
        if isinstance(entry, Spec):
            return entry  # type: ignore[return-value]
        if not isinstance(entry, Mapping) or "kind" not in entry:
            raise ValueError(f"a {self.what} is a mapping with a `kind`, one of {', '.join(self.names())}")
        fields = dict(entry)
        kind = fields.pop("kind")
        if not isinstance(kind, str) or kind not in self._classes:
            raise ValueError(f"unknown {self.what} {kind!r}{suggest(kind, self.names())}")
        return self._classes[kind].model_validate(fields)


def suggest(name: Any, accepted: Iterable[str], most: int | None = None) -> str:
    """A message's end: the nearest accepted name, and all of them, or the first `most`."""
    accepted = list(accepted)
    # Cut: comparing takes much memory where a name is endless.
    near = difflib.get_close_matches(str(name)[:200], accepted, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    more = ", …" if most is not None and len(accepted) > most else ""
    return f"{hint} accepted: {', '.join(accepted[:most])}{more}"


def read_params(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """The whole of `params.yaml` as plain mappings.

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
    """The value at a dotted `key` such as `models.notmiwae.gaussian`.

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


def parse_spec(cls: type[S], value: Any, where: str) -> S:
    """Validate `value` as a `cls`.

    Raises:
        ParameterError: with one line for the first thing wrong: where it stands, what was found, what is
            accepted.
    """
    return _checked(lambda: cls.model_validate(value), where)


def parse_entry(registry: Registry[S], entry: Any, where: str) -> S:
    """`registry.parse(entry)` with its errors as one line that begins with `where`."""
    try:
        return _checked(lambda: registry.parse(entry), where)
    except ParameterError:
        raise
    except ValueError as error:
        raise ParameterError(flat(f"{where}: {error}")) from None


def _checked(build: Callable[[], S], where: str) -> S:
    try:
        return build()
    except ValidationError as error:
        raise ParameterError(flat(_one_line(error.errors()[0], where))) from None


def _one_line(error: ErrorDetails, where: str) -> str:
    key = ".".join([where, *(str(part) for part in error["loc"])])
    if error["type"] == "unknown_key":
        return f"{key}.{error['ctx']['name']}: {error['msg']}"
    if error["type"] == "missing":
        return f"{key}: this key is required and absent"
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    found = error["input"]
    # Shortened: what aliases stand for can be endless.
    shown = "" if isinstance(found, Mapping) else f" (found {reprlib.repr(found)})"
    return f"{key}: {message}{shown}"
