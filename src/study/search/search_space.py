"""What a search may turn: each dial's place in the model, and the values that are tried there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, StringConstraints, model_validator

from notmiwae.specs import Registry, Spec

Place = Annotated[str, StringConstraints(pattern=r"^(model|network)(\.\w+)+$")]
"""`model.…` stands in the entry of `models`, `network.…` in that of `networks`."""

Setting = dict[str, Any]
"""A value for each dial: a number, or an option's name."""

_DIGITS = 3
"""Significant digits of a real value: what is promoted is what was tried, and a person can read it."""


class Dial(Spec):
    """Something to turn.

    Attributes:
        at: Where it stands in the model; all these places get the same value.
    """

    at: Annotated[tuple[Place, ...], Field(min_length=1)]

    @property
    def distribution(self) -> BaseDistribution:
        """What is tried, in Optuna's words."""
        raise NotImplementedError

    def tried(self, value: Any) -> Any:
        """The value that is tried where the sampler says `value`."""
        return value

    def written(self, value: Any) -> Any:
        """What stands in params.yaml where the sampler says `value`."""
        return self.tried(value)

    def read(self, written: Any) -> Any:
        """The value for which `written` stands in params.yaml.

        Raises:
            ValueError: it's none that is tried.
        """
        raise NotImplementedError


dials: Registry[Dial] = Registry("dial", __package__)


class Span(Dial):
    """Numbers from `low` to `high`.

    Attributes:
        log: Try as many values between 1 and 10 as between 10 and 100.
    """

    log: bool = False

    def _within(self, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"{value:g} isn't from {low:g} to {high:g}")


@dials.register("real")
class Real(Span):
    """A real number, of three significant digits.

    Attributes:
        low: The lowest.
        high: The highest.
    """

    low: PositiveFloat
    high: PositiveFloat

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be less than high ({self.high:g})")
        return self

    @property
    def distribution(self) -> BaseDistribution:
        """See `Dial.distribution`."""
        return FloatDistribution(self.low, self.high, log=self.log)

    def tried(self, value: Any) -> Any:
        """See `Dial.tried`."""
        return float(f"{value:.{_DIGITS}g}")

    def read(self, written: Any) -> Any:
        """See `Dial.read`."""
        self._within(written, self.low, self.high)
        return float(written)


@dials.register("whole")
class Whole(Span):
    """A whole number.

    Attributes:
        low: The lowest.
        high: The highest.
        layers: Where the number is the width of hidden layers, how many of them there are.
    """

    low: PositiveInt
    high: PositiveInt
    layers: PositiveInt | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be less than high ({self.high})")
        return self

    @property
    def distribution(self) -> BaseDistribution:
        """See `Dial.distribution`."""
        return IntDistribution(self.low, self.high, log=self.log)

    def written(self, value: Any) -> Any:
        """See `Dial.written`."""
        return [value] * self.layers if self.layers else value

    def read(self, written: Any) -> Any:
        """See `Dial.read`."""
        widths = list(written) if self.layers else [written]
        if len(set(widths)) != 1 or len(widths) != (self.layers or 1) or not isinstance(widths[0], int):
            raise ValueError(f"{written!r} isn't {'one width in all layers' if self.layers else 'a number'}")
        self._within(widths[0], self.low, self.high)
        return widths[0]


@dials.register("choice")
class Choice(Dial):
    """One of several settings, each with a name.

    Attributes:
        options: What stands in params.yaml for each; all of its keys, since those that are left out would
            be the recipe's own.
    """

    options: Annotated[dict[str, Any], Field(min_length=2)]

    @property
    def distribution(self) -> BaseDistribution:
        """See `Dial.distribution`."""
        return CategoricalDistribution(list(self.options))

    def written(self, value: Any) -> Any:
        """See `Dial.written`."""
        return self.options[value]

    def read(self, written: Any) -> Any:
        """See `Dial.read`."""
        for name, option in self.options.items():
            whole = written
            if isinstance(option, Mapping) and isinstance(written, Mapping):
                whole = {key: value for key, value in written.items() if key in option}
            if _plain(whole) == _plain(option):
                return name
        raise ValueError(f"it's none of the options {', '.join(self.options)}")


Space = Annotated[
    dict[str, Annotated[Dial, BeforeValidator(dials.parse)]],
    Field(min_length=1),
]

Part = Literal["model", "network"]


def changes(space: Mapping[str, Dial], setting: Setting, part: Part) -> dict[str, Any]:
    """What a setting changes in the entry of `models` or `networks`, nested as that is."""
    changed: dict[str, Any] = {}
    for name, dial in space.items():
        for place in dial.at:
            first, *path, last = place.split(".")
            if first != part:
                continue
            section = changed
            for key in path:
                section = section.setdefault(key, {})
            section[last] = dial.written(setting[name])
    return changed


def _plain(value: Any) -> str:
    """A value as JSON, which has no tuples."""
    return json.dumps(value, sort_keys=True)
