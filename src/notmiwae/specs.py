"""`params.yaml` as typed, validated objects.

A `Spec` is one entry's fields with their types and limits. A `Registry` maps the `kind` of an entry to the
one class that carries it, so that a new data set, mechanism, network or missing process is a new class in
its own module and nothing else.
"""

from __future__ import annotations

import difflib
import pkgutil
import reprlib
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from notmiwae.errors import ParameterError, flat


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
        """Return the entry of `params.yaml` that describes this object, with `kind` and nested entries."""
        own = {"kind": self.kind} if self.kind else {}
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return own | {
            name: value.to_mapping() if isinstance(value, Spec) else value for name, value in values.items()
        }


S = TypeVar("S", bound=Spec)
C = TypeVar("C", bound=Spec)


class Registry(Generic[S]):
    """The classes that an entry's `kind` can name.

    A class enters itself by the decorator `register`; the modules that hold one are found, not listed.

    Arguments:
        what: Word for what is registered, in messages ("mechanism").
        package: Package with the classes, all modules of which are imported when a name is first asked for,
            or a single module.
    """

    def __init__(self, what: str, package: str) -> None:
        self.what = what
        self._package = package
        self._found: dict[str, type[S]] = {}
        self._imported = False

    @property
    def _classes(self) -> dict[str, type[S]]:
        if not self._imported:
            self._imported = True  # first, as a module that is being imported may ask for names
            for module in pkgutil.iter_modules(getattr(import_module(self._package), "__path__", [])):
                self._import(f"{self._package}.{module.name}")
        return self._found

    def _import(self, name: str) -> None:
        """Import a module; raise `ImportError` with its file if that fails, whatever its code raised."""
        try:
            import_module(name)
        except Exception as error:
            self._imported = False
            spec = find_spec(name)
            raise ImportError(f"{spec.origin if spec else name}: no {self.what}: {error!r}") from error

    def register(self, name: str) -> Callable[[type[C]], type[C]]:
        """Enter the decorated class under `name`."""

        def enter(cls: type[C]) -> type[C]:
            if name in self._found:
                raise KeyError(f"{self.what} {name!r} is registered twice")
            cls.kind = name
            self._found[name] = cls  # type: ignore[assignment]
            return cls

        return enter

    def names(self) -> list[str]:
        """List every registered name, sorted."""
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
    """Return a message's end: the nearest accepted name, and all of them, or the first `most`."""
    accepted = list(accepted)
    # Cut: comparing takes much memory where a name is endless.
    near = difflib.get_close_matches(str(name)[:200], accepted, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    more = ", …" if most is not None and len(accepted) > most else ""
    return f"{hint} accepted: {', '.join(accepted[:most])}{more}"


def parse_spec(cls: type[S], value: Any, where: str) -> S:
    """Validate `value` as a `cls`.

    Raises:
        ParameterError: something is wrong; one line says where the first such thing stands, what was found
            and what is accepted.
    """
    return _checked(lambda: cls.model_validate(value), where)


def parse_entry(registry: Registry[S], entry: Any, where: str) -> S:
    """Return `registry.parse(entry)`; an error is one line that begins with `where`."""
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
