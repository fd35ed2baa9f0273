"""Models of a table that leave a fold of its rows out each, by which assumptions are weighed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from notmiwae.arrays import Floats
from notmiwae.estimators.evidence import CrossValidated, folds
from notmiwae.estimators.workers import Job, Workers
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.randomness import torch_seed
from notmiwae.training.known_cells import KnownCells
from notmiwae.training.recipe import TrainingSpec

_FOLDS = 5
_MOST_ROWS = 5_000
"""Rows on which evidence is gathered at most."""


@dataclass(frozen=True)
class Candidate:
    """What is trained, to be compared.

    Attributes:
        values: Table `[N, D]`, NaN where missing; a column of it may be mapped.
        network: Encoder, decoder, observation model.
        process: Missing process.
        log_jacobian: What is to be added to a density of the columns with gaps, if they are mapped, `[N, C]`.
    """

    values: Floats
    network: ModelSpec
    process: ProcessSpec
    log_jacobian: Floats | float = 0.0


def cross_validated(
    workers: Workers,
    columns: tuple[str, ...],
    candidates: Sequence[Candidate],
    spec: TrainingSpec,
    seed: int,
    known: KnownCells | None = None,
) -> list[CrossValidated]:
    """Train of each candidate a model a fold.

    All meet the same folds, initial weights and noise, so that differences have less of it.

    Arguments:
        workers: Where models are trained.
        columns: Names of the columns.
        candidates: What is compared, of the same rows.
        spec: How to train.
        seed: Seed of everything random in it.
        known: Cells known to lie between two ends, of all tables.
    """
    left_out = folds(len(candidates[0].values), _FOLDS, torch_seed(seed, "folds"))
    seeds = [torch_seed(seed, "race", fold) for fold in range(_FOLDS)]
    jobs = [Job(each.values, each.network, each.process, spec, seeds, left_out, known) for each in candidates]
    trained = workers.train(columns, "assumptions", jobs)
    return [
        CrossValidated([fit.fitted for fit in fits], left_out, each.values, known)
        for each, fits in zip(candidates, trained, strict=True)
    ]


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


def with_gaps(columns: Sequence[str], values: Floats) -> list[str]:
    """List the names of the columns that have missing values."""
    return [columns[place] for place in np.flatnonzero(np.isnan(values).any(axis=0)).tolist()]


def blank(values: Floats) -> npt.NDArray[np.bool_]:
    """Tell which rows of a table have no value at all, `[N]`."""
    return np.asarray(np.isnan(values).all(axis=1))
