"""Trainings that foretell rows they weren't trained on, by which undecided columns are decided.

There is one for each candidate, which all undecided columns take at once; another where they differ in what
is left of them, in which each has its own. Where a column may be at random, trainings have their whole
length, and a direction has to beat the best of up to three models at random (`rivals.py`), each with what the
rest of a row says of its gaps (`mask_regression.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
from notmiwae.estimators.cross_validation import Candidate, blank, chosen_rows, cross_validated, with_gaps
from notmiwae.estimators.defaults import training
from notmiwae.estimators.evidence import CrossValidated
from notmiwae.estimators.rivals import best, other_rivals
from notmiwae.estimators.threads import torch_threads
from notmiwae.estimators.workers import Workers
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.randomness import torch_seed
from notmiwae.training.known_cells import KnownCells, rows_of
from notmiwae.training.recipe import TrainingSpec

_SHARE = 0.3
"""Share of a whole training after which directions are compared where one of them is taken for granted."""
_FEWEST_ROWS = 100
"""Rows below which no evidence is gathered."""


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


def race(whole: TrainingSpec) -> TrainingSpec:
    """Shorten training to the share of the steps after which a race of two directions is decided."""
    after = whole.warm_start + round(_SHARE * (whole.steps - whole.warm_start))
    return whole.model_copy(update={"steps": max(after, whole.warm_start + 1)})


@dataclass(frozen=True)
class _Entrant:
    """What a candidate makes of a table's rows: its models, the map of its columns, the seed of all noise."""

    trained: CrossValidated
    log_jacobian: Floats | float
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
        directions = [word for word in words if word != AT_RANDOM]
        plain = [AT_RANDOM] if AT_RANDOM in words else []
        trained = self._train([self._as_it_is(self._all(word)) for word in [*plain, *directions]])
        rivals, own = trained[: len(plain)], dict(zip(directions, trained[len(plain) :], strict=True))
        # Nobody believes in a direction yet.
        nobody = [dict.fromkeys(each.candidates, 0.0) for each in self.unknown]
        columns = self._columns(own, nobody)
        if not rivals:
            return self._by_candidate(columns)
        believed = self._believed([AT_RANDOM] * len(self.unknown), nobody)
        foretold = [rival.columns(believed) for rival in rivals]
        found, weights, taken = self._weighed(own, columns, foretold)
        # Where no direction beats the first model at random none beats the best of them.
        beaten = any(
            AT_RANDOM in each.candidates and word != AT_RANDOM
            for each, word in zip(self.unknown, taken, strict=True)
        )
        others = other_rivals(self._as_it_is(self._all(AT_RANDOM)), self.known) if beaten else []
        if others:
            foretold += [rival.columns(believed) for rival in self._train(others)]
            found, weights, taken = self._weighed(own, columns, foretold)
        if len(set(taken)) > 1:
            self._run_apart(found, taken, weights)
        return found

    def _weighed(
        self, own: Mapping[str, _Entrant], columns: Mapping[str, Floats], foretold: Sequence[Floats]
    ) -> tuple[list[Floats], list[dict[str, float]], list[str]]:
        """Weigh directions and models at random; return what they foretell, weights, and favourites.

        Arguments:
            own: Directions.
            columns: What they foretell of each column if nobody believes in one.
            foretold: What models at random foretell.
        """
        columns = {**columns, AT_RANDOM: best(np.array(foretold))}
        # Then each is believed as much as its first weight says.
        first = self._weights(self._by_candidate(columns))
        found = self._by_candidate(columns | self._columns(own, first))
        weights = self._weights(found)
        taken = [
            favourite(each, log_probs, weight)
            for each, log_probs, weight in zip(self.unknown, found, weights, strict=True)
        ]
        return found, weights, taken

    def _run_apart(
        self, found: Sequence[Floats], taken: Sequence[str], weights: Sequence[Mapping[str, float]]
    ) -> None:
        """Let each column take its own word, and enter in `found` what that makes of the directions."""
        processes = {
            name: each.candidates[word]
            for each, word in zip(self.unknown, taken, strict=True)
            for name in each.columns
        }
        (apart,) = self._train([self._as_it_is(with_columns(self.process, self.names, processes))])
        own = apart.columns(self._believed(taken, weights))
        for each, word, log_probs in zip(self.unknown, taken, found, strict=True):
            if word != AT_RANDOM:
                log_probs[list(each.candidates).index(word)] = own[:, self._places(each)].sum(axis=1)

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

    def _as_it_is(self, process: ProcessSpec) -> Candidate:
        """Return the candidate with a process, and the table and the network as they are."""
        # Whether columns that perhaps decide too do isn't the question here; a direction tells more without.
        return Candidate(self.values, self.network, process.starts()[-1])

    def _train(self, candidates: Sequence[Candidate]) -> list[_Entrant]:
        """Train a model a fold of each candidate."""
        whole = training(len(self.values), self.steps)
        # A direction is learnt in fewer steps than what else explains a column, and would seem better for it.
        at_random = any(AT_RANDOM in each.candidates for each in self.unknown)
        spec = whole if at_random else race(whole)
        trained = cross_validated(self.workers, self.columns, candidates, spec, self.seed, self.known)
        seed = torch_seed(self.seed, "score")
        return [
            _Entrant(models, candidate.log_jacobian, seed, self.workers)
            for models, candidate in zip(trained, candidates, strict=True)
        ]
