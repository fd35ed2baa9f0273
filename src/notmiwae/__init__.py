"""Impute data that are missing not at random."""

from typing import TYPE_CHECKING, Any

from notmiwae.errors import AssumptionWarning

if TYPE_CHECKING:
    from notmiwae.estimators.missing import Missing
    from notmiwae.estimators.miwae_imputer import MIWAEImputer
    from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer

    __version__: str

__all__ = ["AssumptionWarning", "MIWAEImputer", "Missing", "NotMIWAEImputer", "__version__"]

_MODULES = {
    "MIWAEImputer": "notmiwae.estimators.miwae_imputer",
    "Missing": "notmiwae.estimators.missing",
    "NotMIWAEImputer": "notmiwae.estimators.not_miwae_imputer",
}


def __getattr__(name: str) -> Any:
    # A stage or a command that doesn't need the estimators needn't wait for what they import.
    if name == "__version__":
        return _version()
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> str:
    """Return the version of the source tree that the package is imported from, or else what is installed."""
    import tomllib
    from importlib.metadata import version
    from pathlib import Path

    file = Path(__file__).parents[2] / "pyproject.toml"
    # A checkout may run in the environment of another, whose version is no news of this one.
    if file.is_file():
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == "notmiwae":
            return str(project["version"])
    return version("notmiwae")
