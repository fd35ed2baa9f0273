"""The missing process of each column: what it takes for granted, and another in its place."""

from collections.abc import Mapping, Sequence

from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.mcar import MCARSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.missing_process.selection_model import SelectionSpec


class AutoSpec(ProcessSpec):
    """Missing at random, or by the value's own size, to be decided by evidence before anything is built.

    Where the size decides complete columns may too, and chance.

    Attributes:
        together: Name of the group of columns whose gaps come together in a row; null: they don't.
    """

    kind = "auto"
    together: str | None = None


def of_column(process: ProcessSpec, name: str) -> ProcessSpec:
    """Return the missing process of a column."""
    return process.columns.get(name, process.default) if isinstance(process, ByColumnSpec) else process


def ignores_value(process: ProcessSpec, name: str) -> bool:
    """Tell whether a column's own values play no part in its gaps."""
    spec = of_column(process, name)
    at_random = isinstance(spec, SelectionSpec) and spec.direction == "none"
    return at_random or isinstance(spec, IgnorableSpec | MCARSpec)


def takes_at_random(process: ProcessSpec, name: str) -> bool:
    """Tell whether a column's gaps are taken for ones at random, which no value and no latent decides."""
    return isinstance(of_column(process, name), IgnorableSpec | MCARSpec)


def explains(process: ProcessSpec) -> bool:
    """Tell whether a process has a model of the mask of some column."""
    return not isinstance(process, IgnorableSpec)


def with_columns(
    process: ProcessSpec, names: Sequence[str], changed: Mapping[str, ProcessSpec]
) -> ByColumnSpec:
    """Say something else of some columns.

    Arguments:
        process: Missing process that is assumed.
        names: Names of the columns that have missing values.
        changed: Processes of columns that are to change.
    """
    columns = {name: changed.get(name, of_column(process, name)) for name in names}
    # What nothing is left to be told of is missing at random.
    columns = {
        name: IgnorableSpec() if isinstance(spec, AutoSpec) else spec for name, spec in columns.items()
    }
    return ByColumnSpec(default=IgnorableSpec(), columns=columns)


def closed(process: ProcessSpec, names: Sequence[str]) -> ProcessSpec:
    """Return a process of which nothing is to be decided any more, whatever was said of complete columns.

    Arguments:
        process: Missing process that is assumed.
        names: Names of the columns that have missing values.
    """
    said = process.columns.values() if isinstance(process, ByColumnSpec) else []
    default = process.default if isinstance(process, ByColumnSpec) else process
    if not any(isinstance(spec, AutoSpec) for spec in (default, *said)):
        return process
    return with_columns(process, names, {}) if names else IgnorableSpec()
