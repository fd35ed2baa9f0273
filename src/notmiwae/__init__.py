"""Impute data that are missing not at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from notmiwae.errors import AssumptionWarning

if TYPE_CHECKING:
    from notmiwae.estimators.imputers import MIWAEImputer, NotMIWAEImputer

__all__ = ["AssumptionWarning", "MIWAEImputer", "NotMIWAEImputer"]


def __getattr__(name: str) -> Any:
    # A stage or a command that doesn't need the estimators needn't wait for what they import.
    if name in __all__:
        from notmiwae.estimators import imputers

        return getattr(imputers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
