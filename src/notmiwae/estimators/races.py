"""Short trainings that foretell rows they weren't trained on, by which undecided columns are decided.

There is one for each candidate, which all undecided columns take at once; another where their better
directions differ, in which each has its own. A direction has to beat a model at random that knows of skewed
columns (`normal_margins.py`) and of what the rest of a row says of its gaps (`mask_regression.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from notmiwae.arrays import Floats
from notmiwae.estimators.choice import (
    AT_RANDOM,
    Decided,
    Undecided,
    closed,
    decide,
    may_be_at_random,
    of_members,
    undecided,
    with_columns,
)
from notmiwae.estimators.defaults import training
from notmiwae.estimators.evidence import evidence, folds
from notmiwae.estimators.normal_margins import NormalMargins
from notmiwae.estimators.threads import torch_threads
from notmiwae.estimators.workers import Job, Workers
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.randomness import torch_seed
from notmiwae.training.recipe import TrainingSpec

_FOLDS = 5
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
    """
    all_names = _with_gaps(columns, values)
    if may_be_at_random(process, all_names):
        # A row without any value is no evidence of what its values are.
        values = values[~blank(values)]
    names = _with_gaps(columns, values)
    unknown = undecided(process, names)
    if not unknown:
        return [closed(process, all_names)] * members, []
    if len(values) < _FEWEST_ROWS and all(AT_RANDOM in each.candidates for each in unknown):
        # Nothing can be told: what was known before is what is known.
        found = [np.zeros((len(each.candidates), 1)) for each in unknown]
    else:
        rows = some_rows(values, seed)
        found = _Races(workers, rows, columns, network, process, steps, seed, names, unknown).run()
    decided = [
        decide(each, log_probs, members, torch_seed(seed, "weights", place))
        for place, (each, log_probs) in enumerate(zip(unknown, found, strict=True))
    ]
    return of_members(process, all_names, unknown, decided), decided


def _with_gaps(columns: Sequence[str], values: Floats) -> list[str]:
    return [columns[place] for place in np.flatnonzero(np.isnan(values).any(axis=0)).tolist()]


def cross_validated(
    workers: Workers,
    columns: tuple[str, ...],
    network: ModelSpec,
    tables: Sequence[Floats],
    processes: Sequence[ProcessSpec],
    spec: TrainingSpec,
    seed: int,
    by_column: bool = False,
) -> list[Floats]:
    """Train a model a fold under each process, and let it foretell the fold's rows.

    All processes meet the same folds, initial weights and noise, so that differences have less of it.

    Arguments:
        workers: Where models are trained.
        columns: Names of the columns.
        network: Encoder, decoder, observation model.
        tables: Table `[N, D]` of each process, of the same rows.
        processes: Missing processes.
        spec: How to train.
        seed: Seed of everything random in it.
        by_column: Whether columns are to be foretold, and not whole rows; see `evidence`.
    """
    left_out = folds(len(tables[0]), _FOLDS, torch_seed(seed, "folds"))
    seeds = [torch_seed(seed, "race", fold) for fold in range(_FOLDS)]
    jobs = [
        Job(table, process, spec, seeds, left_out) for table, process in zip(tables, processes, strict=True)
    ]
    trained = workers.train(columns, network, "assumptions", jobs)
    with torch_threads(workers.n_threads):
        return [
            evidence([fit.fitted for fit in fits], left_out, table, torch_seed(seed, "score"), by_column)
            for table, fits in zip(tables, trained, strict=True)
        ]


def race(whole: TrainingSpec) -> TrainingSpec:
    """Shorten training to the share of the steps after which a race is decided."""
    after = whole.warm_start + round(whole.race * (whole.steps - whole.warm_start))
    return whole.model_copy(update={"steps": max(after, whole.warm_start + 1)})


def blank(values: Floats) -> npt.NDArray[np.bool_]:
    """Tell which rows of a table have no value at all, `[N]`."""
    return np.asarray(np.isnan(values).all(axis=1))


def some_rows(values: Floats, seed: int, most: int = _MOST_ROWS) -> Floats:
    """Take as many rows as evidence needs, at random, with a gap and a value of each column that has them."""
    if len(values) <= most:
        return values
    order = np.random.default_rng(torch_seed(seed, "rows")).permutation(len(values))
    seen = ~np.isnan(values[order])
    # A column that is nearly empty, or nearly complete, isn't to be so altogether.
    first = np.concatenate([seen.argmax(axis=0), seen.argmin(axis=0)])
    chosen: Floats = values[np.union1d(order[first], order[:most])]
    return chosen


@dataclass(frozen=True)
class _Races:
    """The races of a table; fields as the arguments of `choose`, with the undecided columns."""

    workers: Workers
    values: Floats
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
        by_word = dict(zip(words, self._foretold([self._all(word) for word in words], words), strict=True))
        found = [
            np.array([by_word[word][:, self._places(each)].sum(axis=1) for word in each.candidates])
            for each in self.unknown
        ]
        best = [
            self._best_direction(each, log_probs) for each, log_probs in zip(self.unknown, found, strict=True)
        ]
        if len(set(best)) > 1 and any(AT_RANDOM in each.candidates for each in self.unknown):
            own = {
                name: each.candidates[word]
                for each, word in zip(self.unknown, best, strict=True)
                for name in each.columns
            }
            (apart,) = self._foretold([with_columns(self.process, self.names, own)], ["each its own"])
            for each, word, log_probs in zip(self.unknown, best, found, strict=True):
                log_probs[list(each.candidates).index(word)] = apart[:, self._places(each)].sum(axis=1)
        return found

    def _all(self, word: str) -> ProcessSpec:
        """Return the process in which all the undecided take a word; those that can't are at random."""
        own = {
            name: each.candidates.get(word, IgnorableSpec()) for each in self.unknown for name in each.columns
        }
        return with_columns(self.process, self.names, own)

    def _places(self, each: Undecided) -> list[int]:
        return [self.names.index(name) for name in each.columns]

    def _best_direction(self, each: Undecided, log_probs: Floats) -> str:
        means = dict(zip(each.candidates, log_probs.mean(axis=1), strict=True))
        means.pop(AT_RANDOM, None)
        return max(means, key=lambda word: means[word])

    def _foretold(self, processes: Sequence[ProcessSpec], words: Sequence[str]) -> list[Floats]:
        """Train a model a fold under each process; return `log p(x_j, s_j | the rest)`, each `[N, C]`."""
        levels = self.network.observation.levels(self.values.shape[1])
        margins = NormalMargins(self.values, [j for j, count in enumerate(levels) if not count])
        tables = [margins.transform(self.values) if word == AT_RANDOM else self.values for word in words]
        spec = race(training(len(self.values), self.steps))
        folded = cross_validated(
            self.workers, self.columns, self.network, tables, processes, spec, self.seed, by_column=True
        )
        gaps = np.isnan(self.values).any(axis=0)
        log_jacobian = margins.log_jacobian(self.values)[:, gaps]
        return [each + log_jacobian * (word == AT_RANDOM) for each, word in zip(folded, words, strict=True)]
