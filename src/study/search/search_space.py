"""The space of a search: where each dial stands in the model, and which values are tried there."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, StringConstraints, model_validator
from typing_extensions import override

from notmiwae.specs import Registry, Spec

Part = Literal["model", "network"]
"""The section in which a dial stands: `models` or `networks`."""

Place = Annotated[str, StringConstraints(pattern=r"^(model|network)(\.\w+)+$")]
"""`model.…` stands in the entry of `models`, `network.…` in that of `networks`."""

Setting = dict[str, Any]
"""A value for each dial: a number, or an option's name."""

_DIGITS = 3
"""Significant digits of a real value: what is promoted is what was tried, and a person can read it."""


class Dial(Spec):
    """A hyperparameter that is searched.

    Attributes:
        at: Places in the model where it stands; all of them get the same value.
    """

    at: Annotated[tuple[Place, ...], Field(min_length=1)]

    @property
    def distribution(self) -> BaseDistribution:
        """Return the values that are tried, in Optuna's words."""
        raise NotImplementedError

    def tried(self, value: Any) -> Any:
        """Return the value that is tried where the sampler says `value`."""
        return value

    def written(self, value: Any) -> Any:
        """Return what stands in params.yaml where the sampler says `value`."""
        return self.tried(value)

    def read(self, written: Any) -> Any:
        """Return the value for which `written` stands in params.yaml.

        Raises:
            ValueError: no such value is tried.
        """
        raise NotImplementedError


dials: Registry[Dial] = Registry("dial", __package__)


class Span(Dial):
    """Numbers between two limits.

    Attributes:
        low: Lowest number that is tried.
        high: Highest number that is tried.
        log: Whether as many values are tried between 1 and 10 as between 10 and 100.
    """

    low: PositiveFloat
    high: PositiveFloat
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be less than high ({self.high:g})")
        return self

    def _check(self, value: float) -> None:
        if not self.low <= value <= self.high:
            raise ValueError(f"{value:g} isn't from {self.low:g} to {self.high:g}")


@dials.register("real")
class Real(Span):
    """A real number of three significant digits."""

    @property
    @override
    def distribution(self) -> BaseDistribution:
        return FloatDistribution(self.low, self.high, log=self.log)

    @override
    def tried(self, value: Any) -> Any:
        return float(f"{value:.{_DIGITS}g}")

    @override
    def read(self, written: Any) -> Any:
        self._check(written)
        return float(written)


@dials.register("whole")
class Whole(Span):
    """A whole number.

    Attributes:
        layers: Number of hidden layers whose width it is; None: it's a number by itself.
    """

    low: PositiveInt
    high: PositiveInt
    layers: PositiveInt | None = None

    @property
    @override
    def distribution(self) -> BaseDistribution:
        return IntDistribution(self.low, self.high, log=self.log)

    @override
    def written(self, value: Any) -> Any:
        return [value] * self.layers if self.layers else value

    @override
    def read(self, written: Any) -> Any:
        widths = list(written) if self.layers else [written]
        if len(set(widths)) != 1 or len(widths) != (self.layers or 1) or not isinstance(widths[0], int):
            raise ValueError(f"{written!r} isn't {'one width in all layers' if self.layers else 'a number'}")
        self._check(widths[0])
        return widths[0]


@dials.register("choice")
class Choice(Dial):
    """One of several options, each with a name.

    Attributes:
        options: Entry of params.yaml by the option's name, with all of its keys: those that are left out
            would be the recipe's own.
    """

    options: Annotated[dict[str, Any], Field(min_length=2)]

    @property
    @override
    def distribution(self) -> BaseDistribution:
        return CategoricalDistribution(list(self.options))

    @override
    def written(self, value: Any) -> Any:
        return self.options[value]

    @override
    def read(self, written: Any) -> Any:
        for name, option in self.options.items():
            compared = written
            if isinstance(option, Mapping) and isinstance(written, Mapping):
                compared = {key: value for key, value in written.items() if key in option}
            if _as_json(compared) == _as_json(option):
                return name
        raise ValueError(f"it's none of the options {', '.join(self.options)}")


Space = Annotated[dict[str, Annotated[Dial, BeforeValidator(dials.parse)]], Field(min_length=1)]
"""Dials by their names."""


def changes(space: Mapping[str, Dial], setting: Setting, part: Part) -> dict[str, Any]:
    """Return what a setting changes in the entry of `models` or `networks`, nested as that is."""
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


def _as_json(value: Any) -> str:
    # JSON has no tuples: those of a spec equal the lists of params.yaml.
    return json.dumps(value, sort_keys=True)
