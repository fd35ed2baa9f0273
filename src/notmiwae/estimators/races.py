"""Short trainings that foretell rows they weren't trained on, by which undecided columns are decided.

There is one for each candidate, which all undecided columns take at once; another where they differ in what
is left of them, in which each has its own. A direction has to beat a model at random that knows of skewed
columns (`normal_margins.py`) and of what the rest of a row says of its gaps (`mask_regression.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from notmiwae.arrays import Floats
from notmiwae.estimators.choice import (
    AT_RANDOM,
    Decided,
    Undecided,
    decide,
    favourite,
    may_be_at_random,
    of_members,
    undecided,
    weigh,
)
from notmiwae.estimators.column_processes import closed, with_columns
from notmiwae.estimators.defaults import training
from notmiwae.estimators.evidence import CrossValidated, folds
from notmiwae.estimators.normal_margins import NormalMargins
from notmiwae.estimators.threads import torch_threads
from notmiwae.estimators.workers import Job, Workers
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.randomness import torch_seed
from notmiwae.training.known_cells import KnownCells, rows_of
from notmiwae.training.recipe import TrainingSpec

_FOLDS = 5
_SHARE = 0.3
"""Share of a whole training after which candidates are compared."""
_FEWEST_ROWS = 100
"""Rows below which no evidence is gathered."""
_MOST_ROWS = 5_000
"""Rows on which evidence is gathered at most."""


def choose(
    workers: Workers,
    values: Floats,
    columns: tuple[str, ...],
    network: ModelSpec,
    process: ProcessSpec,
    steps: int | None,
    members: int,
    seed: int,
    known: KnownCells | None = None,
) -> tuple[list[ProcessSpec], list[Decided]]:
    """Decide what is undecided of a process: return the process of each member, and what was weighed.

    Arguments:
        workers: Where models are trained.
        values: Table `[N, D]`, NaN where missing.
        columns: Names of the columns.
        network: Encoder, decoder, observation model.
        process: Missing process that is assumed.
        steps: Steps of a whole training, as the user has it.
        members: Number of members R.
        seed: Seed of everything random in it.
        known: Cells known to lie between two ends.
    """
    all_names = with_gaps(columns, values)
    if may_be_at_random(process, all_names):
        # A row without any value is no evidence of what its values are.
        some = ~blank(values)
        values, known = values[some], rows_of(known, some)
    names = with_gaps(columns, values)
    # A limit that is known explains low values, or high ones; what else is missing speaks for no direction.
    limited = {columns[place] for place in known.columns} if known else set()
    unknown = [
        each
        for each in undecided(process, names)
        if AT_RANDOM not in each.candidates or limited.isdisjoint(each.columns)
    ]
    if not unknown:
        return [closed(process, all_names)] * members, []
    if len(values) < _FEWEST_ROWS and all(AT_RANDOM in each.candidates for each in unknown):
        # Nothing can be told: what was known before is what is known.
        found = [np.zeros((len(each.candidates), 1)) for each in unknown]
    else:
        rows = chosen_rows(values, seed)
        table = (values[rows], rows_of(known, rows))
        found = _Races(workers, *table, columns, network, process, steps, seed, names, unknown).run()
    decided = [
        decide(each, log_probs, members, torch_seed(seed, "weights", place))
        for place, (each, log_probs) in enumerate(zip(unknown, found, strict=True))
    ]
    return of_members(process, all_names, unknown, decided), decided


def with_gaps(columns: Sequence[str], values: Floats) -> list[str]:
    """List the names of the columns that have missing values."""
    return [columns[place] for place in np.flatnonzero(np.isnan(values).any(axis=0)).tolist()]


def cross_validated(
    workers: Workers,
    columns: tuple[str, ...],
    network: ModelSpec,
    tables: Sequence[Floats],
    processes: Sequence[ProcessSpec],
    spec: TrainingSpec,
    seed: int,
    known: KnownCells | None = None,
) -> list[CrossValidated]:
    """Train a model a fold under each process.

    All processes meet the same folds, initial weights and noise, so that differences have less of it.

    Arguments:
        workers: Where models are trained.
        columns: Names of the columns.
        network: Encoder, decoder, observation model.
        tables: Table `[N, D]` of each process, of the same rows.
        processes: Missing processes.
        spec: How to train.
        seed: Seed of everything random in it.
        known: Cells known to lie between two ends, of all tables.
    """
    left_out = folds(len(tables[0]), _FOLDS, torch_seed(seed, "folds"))
    seeds = [torch_seed(seed, "race", fold) for fold in range(_FOLDS)]
    jobs = [
        Job(table, process, spec, seeds, left_out, known)
        for table, process in zip(tables, processes, strict=True)
    ]
    trained = workers.train(columns, network, "assumptions", jobs)
    return [
        CrossValidated([fit.fitted for fit in fits], left_out, table, known)
        for table, fits in zip(tables, trained, strict=True)
    ]


def race(whole: TrainingSpec) -> TrainingSpec:
    """Shorten training to the share of the steps after which a race is decided."""
    after = whole.warm_start + round(_SHARE * (whole.steps - whole.warm_start))
    return whole.model_copy(update={"steps": max(after, whole.warm_start + 1)})


def blank(values: Floats) -> npt.NDArray[np.bool_]:
    """Tell which rows of a table have no value at all, `[N]`."""
    return np.asarray(np.isnan(values).all(axis=1))


def chosen_rows(values: Floats, seed: int, most: int = _MOST_ROWS) -> slice | npt.NDArray[np.int64]:
    """Choose as many rows as evidence needs, at random, with a gap and a value of each column with both."""
    if len(values) <= most:
        return slice(None)
    order = np.random.default_rng(torch_seed(seed, "rows")).permutation(len(values))
    seen = ~np.isnan(values[order])
    # A column that is nearly empty, or nearly complete, isn't to be so altogether.
    first = np.concatenate([seen.argmax(axis=0), seen.argmin(axis=0)])
    chosen: npt.NDArray[np.int64] = np.union1d(order[first], order[:most])
    return chosen


@dataclass(frozen=True)
class _Entrant:
    """What a candidate makes of a table's rows: its models, the map of its columns, the seed of all noise."""

    trained: CrossValidated
    log_jacobian: Floats
    seed: int
    workers: Workers

    def columns(self, believed: Floats) -> Floats:
        """Foretell each column with gaps, `[N, C]`; see `CrossValidated.columns`."""
        with torch_threads(self.workers.n_threads):
            return self.trained.columns(self.seed, believed) + self.log_jacobian


@dataclass(frozen=True)
class _Races:
    """The races of a table; fields as the arguments of `choose`, with the undecided columns."""

    workers: Workers
    values: Floats
    known: KnownCells | None
    columns: tuple[str, ...]
    network: ModelSpec
    process: ProcessSpec
    steps: int | None
    seed: int
    names: Sequence[str]
    unknown: Sequence[Undecided]

    def run(self) -> list[Floats]:
        """Return for each undecided column the log-density of each row under each candidate, `[K, N]`."""
        words = list(dict.fromkeys(word for each in self.unknown for word in each.candidates))
        entrants = dict(zip(words, self._train([self._all(word) for word in words], words), strict=True))
        # Nobody believes in a direction yet; then as much as its first weight says.
        columns = self._columns(entrants, [dict.fromkeys(words, 0.0)] * len(self.unknown))
        found = self._by_candidate(columns)
        if AT_RANDOM not in entrants:
            return found
        directions = {word: entrant for word, entrant in entrants.items() if word != AT_RANDOM}
        found = self._by_candidate(columns | self._columns(directions, self._weights(found)))
        weights = self._weights(found)
        taken = [
            favourite(each, own, weight)
            for each, own, weight in zip(self.unknown, found, weights, strict=True)
        ]
        if len(set(taken)) > 1:
            processes = {
                name: each.candidates[word]
                for each, word in zip(self.unknown, taken, strict=True)
                for name in each.columns
            }
            (apart,) = self._train([with_columns(self.process, self.names, processes)], ["each its own"])
            own = apart.columns(self._believed(taken, weights))
            for each, word, log_probs in zip(self.unknown, taken, found, strict=True):
                if word != AT_RANDOM:
                    log_probs[list(each.candidates).index(word)] = own[:, self._places(each)].sum(axis=1)
        return found

    def _columns(
        self, entrants: Mapping[str, _Entrant], weights: Sequence[Mapping[str, float]]
    ) -> dict[str, Floats]:
        """Let each entrant foretell the columns with gaps, as far as directions are believed."""
        return {
            word: entrant.columns(self._believed([word] * len(self.unknown), weights))
            for word, entrant in entrants.items()
        }

    def _by_candidate(self, columns: Mapping[str, Floats]) -> list[Floats]:
        """Arrange for each undecided column what its candidates foretell, `[K, N]`."""
        return [
            np.array([columns[word][:, self._places(each)].sum(axis=1) for word in each.candidates])
            for each in self.unknown
        ]

    def _weights(self, found: Sequence[Floats]) -> list[dict[str, float]]:
        """Weigh the candidates of each undecided column."""
        return [
            dict(zip(each.candidates, weigh(each, own, torch_seed(self.seed, "weights", place)), strict=True))
            for place, (each, own) in enumerate(zip(self.unknown, found, strict=True))
        ]

    def _believed(self, words: Sequence[str], weights: Sequence[Mapping[str, float]]) -> Floats:
        """Say how far the process of each column with gaps is believed: wholly, if it's no more in doubt.

        Arguments:
            words: What is said of each undecided column.
            weights: Weights of its candidates.
        """
        believed = np.ones(len(self.names))
        for each, word, own in zip(self.unknown, words, weights, strict=True):
            if AT_RANDOM in each.candidates:
                believed[self._places(each)] = own.get(word, 0.0)
        return believed

    def _all(self, word: str) -> ProcessSpec:
        """Return the process in which all the undecided take a word; those that can't are at random."""
        own = {
            name: each.candidates.get(word, IgnorableSpec()) for each in self.unknown for name in each.columns
        }
        return with_columns(self.process, self.names, own)

    def _places(self, each: Undecided) -> list[int]:
        return [self.names.index(name) for name in each.columns]

    def _train(self, processes: Sequence[ProcessSpec], words: Sequence[str]) -> list[_Entrant]:
        """Train a model a fold under each process; the one of `mar` on columns mapped to what is Gaussian."""
        levels = self.network.observation.levels(self.values.shape[1])
        # Of a column whose limits are known the shape of what was seen isn't that of the whole.
        as_they_are = self.known.columns if self.known else ()
        mapped = [j for j, count in enumerate(levels) if not count and j not in as_they_are]
        margins = NormalMargins(self.values, mapped)
        tables = [margins.transform(self.values) if word == AT_RANDOM else self.values for word in words]
        # Whether columns that perhaps decide too do isn't the question here; a direction tells more without.
        processes = [process.starts()[-1] for process in processes]
        spec = race(training(len(self.values), self.steps))
        trained = cross_validated(
            self.workers, self.columns, self.network, tables, processes, spec, self.seed, self.known
        )
        gaps = np.isnan(self.values).any(axis=0)
        log_jacobian = margins.log_jacobian(self.values)[:, gaps]
        return [
            _Entrant(each, log_jacobian * (word == AT_RANDOM), torch_seed(self.seed, "score"), self.workers)
            for each, word in zip(trained, words, strict=True)
        ]
