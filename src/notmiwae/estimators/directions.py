"""A direction for each column of which it is unknown, found by races of a column at a time.

The models of a table know one direction a column. Of C columns whose direction is unknown there are 2^C
combinations, so each column is decided by itself: two short trainings, in which its high or its low values go
missing, what was told of others holds, and the other unknown columns are taken as missing at random.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.edges import EdgeSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.missing_process.selection_model import SelectionSpec
from notmiwae.training.recipe import TrainingSpec


@dataclass(frozen=True)
class Undecided:
    """Columns with a process that may have one of several directions.

    Attributes:
        columns: Names of the columns: one, or those that share an edge.
        directions: Process with each direction.
    """

    columns: tuple[str, ...]
    directions: tuple[ProcessSpec, ...]


def undecided(process: ProcessSpec, names: Sequence[str]) -> list[Undecided]:
    """List the columns whose direction is unknown, each by itself unless they share an edge.

    Arguments:
        process: Missing process that is assumed.
        names: Names of the columns that have missing values.
    """
    found: list[Undecided] = []
    shared: dict[ProcessSpec, list[str]] = {}
    for name in names:
        spec = _of_column(process, name)
        if isinstance(spec, EdgeSpec | SelectionSpec) and len(spec.starts()) > 1:
            if isinstance(spec, EdgeSpec) and spec.shared:
                shared.setdefault(spec, []).append(name)
            else:
                found.append(Undecided((name,), tuple(spec.starts())))
    return found + [Undecided(tuple(columns), tuple(spec.starts())) for spec, columns in shared.items()]


def candidates(process: ProcessSpec, names: Sequence[str], unknown: Sequence[Undecided]) -> list[ProcessSpec]:
    """List what races: for each of the undecided in turn, one process for each direction.

    Arguments:
        process: Missing process that is assumed.
        names: Names of the columns that have missing values.
        unknown: Columns whose direction is to be decided, from `undecided`.
    """
    at_random = {name: IgnorableSpec() for each in unknown for name in each.columns}
    return [
        _with(process, names, at_random | dict.fromkeys(each.columns, direction))
        for each in unknown
        for direction in each.directions
    ]


def decided(
    process: ProcessSpec, names: Sequence[str], unknown: Sequence[Undecided], bounds: Sequence[float]
) -> ProcessSpec:
    """Return the process in which each column has the direction of the higher held-out bound.

    Arguments:
        process: Missing process that is assumed.
        names: Names of the columns that have missing values.
        unknown: Columns whose direction is to be decided, from `undecided`.
        bounds: Held-out bound of each of the `candidates`, nats a row.
    """
    reached = iter(bounds)
    chosen: dict[str, ProcessSpec] = {}
    for each in unknown:
        own = [next(reached) for _ in each.directions]
        chosen |= dict.fromkeys(each.columns, each.directions[own.index(max(own))])
    return _with(process, names, chosen)


def race(training: TrainingSpec) -> TrainingSpec:
    """Shorten training to the share of the steps after which a race is decided."""
    after = training.warm_start + round(training.race * (training.steps - training.warm_start))
    return training.model_copy(update={"steps": max(after, training.warm_start + 1)})


def _of_column(process: ProcessSpec, name: str) -> ProcessSpec:
    return process.columns.get(name, process.default) if isinstance(process, ByColumnSpec) else process


def _with(process: ProcessSpec, names: Sequence[str], changed: dict[str, ProcessSpec]) -> ProcessSpec:
    columns = {name: changed.get(name, _of_column(process, name)) for name in names}
    return ByColumnSpec(default=IgnorableSpec(), columns=columns)
