"""Arguments of the estimators: what isn't accepted is named with what is."""

import warnings
from collections.abc import Iterable
from numbers import Integral
from typing import Any

from notmiwae.computing import resolve
from notmiwae.errors import ParameterError
from notmiwae.model.networks import MOST_LAYERS


def check_arguments(imputer: Any) -> None:
    """Raise a `ParameterError` if a number among an imputer's arguments is none that is accepted."""
    for name in ("latent_size", "steps", "members", "n_samples", "n_threads"):
        value = getattr(imputer, name)
        if value is not None or name in ("members", "n_samples", "n_threads"):
            whole(name, value, 1)
    layers("hidden", imputer.hidden)
    resolve(imputer.device)


def whole(name: str, value: Any, least: int) -> int:
    """Return `value`, a whole number from `least`; raise a `ParameterError` if it's anything else."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ParameterError(f"{name}: found {value!r}; accepted: a whole number from {least}")
    return int(value)


def layers(name: str, value: Any) -> None:
    """Raise a `ParameterError` if `value` isn't the widths of some layers."""
    widths = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else []
    if not widths:
        raise ParameterError(f"{name}: found {value!r}; accepted: the width of each layer")
    if len(widths) > MOST_LAYERS:
        raise ParameterError(f"{name}: found {len(widths)} layers; accepted: at most {MOST_LAYERS}")
    for width in widths:
        whole(name, width, 1)


def renamed(old: str, old_value: Any, name: str, value: Any) -> Any:
    """Return what is said under an argument's name, or under its old name, which warns.

    Raises:
        ParameterError: both are given.
    """
    if old_value is None:
        return value
    if value is not None:
        raise ParameterError(f"{old}: found beside {name}; accepted: {name}, its name now, alone")
    warnings.warn(
        f"{old} is called {name} now; the old name goes in version 0.4", FutureWarning, stacklevel=4
    )
    return old_value
