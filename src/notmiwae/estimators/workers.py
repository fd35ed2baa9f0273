"""Where an imputer trains its members and imputes: here, or in processes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from notmiwae.arrays import Floats
from notmiwae.computing import chunks
from notmiwae.estimators.directions import candidates, decided, race, undecided
from notmiwae.estimators.threads import torch_threads
from notmiwae.imputation import BLOCK, Imputation, impute_together
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.progress import Report, progress_bar, silent
from notmiwae.training.fit import Fit, fit_together
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.recipe import ImputationSpec, TrainingSpec

_PIECE = 8 * BLOCK
"""Rows that a process imputes at a time; fewer aren't worth its start."""


def fit_members(
    values: Floats,
    columns: tuple[str, ...],
    network: ModelSpec,
    process: ProcessSpec,
    training: TrainingSpec,
    seeds: Sequence[int],
    n_jobs: int | None,
    n_threads: int,
    device: str,
    verbose: bool,
) -> list[Fit]:
    """Models of one table, to impute together; `training.together` of them are computed as one.

    They are of one mind on unknown directions: those that are computed first vote, the others follow.

    Arguments:
        values: The table, `[N, D]`, NaN where missing.
        columns: Names of the features.
        network: Encoder, decoder, observation model.
        process: The missing process.
        training: How to train.
        seeds: One for each member.
        n_jobs: Processes, as joblib takes it; a GPU is given one.
        n_threads: Threads of each.
        device: What computes, `cpu` or `cuda`.
        verbose: Whether to show a progress bar.
    """

    def fits(
        title: str, training: TrainingSpec, jobs: Sequence[tuple[ProcessSpec, Sequence[int]]]
    ) -> list[list[Fit]]:
        """The fits of each job, which is a process and the seeds of the models that are computed as one."""
        processes = min(_processes(n_jobs, device), len(jobs))
        done: list[list[Fit]] = []
        with progress_bar(title, verbose) as report:
            # Other processes have no hold of the bar: there it goes on when one has ended.
            own = report if processes == 1 else silent
            for more in Parallel(n_jobs=processes, return_as="generator")(
                delayed(_fit)(n_threads, values, columns, network, process, training, some, own, device)
                for process, some in jobs
            ):
                done.append(more)
                if processes > 1:
                    report(len(done), len(jobs), mean_bound(more))
        return done

    groups = chunks(seeds, training.together)
    gaps = [columns[place] for place in np.flatnonzero(np.isnan(values).any(axis=0))]
    unknown = undecided(process, gaps)
    if len(unknown) > 1:
        racing = candidates(process, gaps, unknown)
        raced = fits("directions", race(training), [(each, groups[0]) for each in racing])
        process = decided(process, gaps, unknown, [mean_bound(each) for each in raced])
    if len(process.starts()) == 1:
        return list(chain(*fits("train", training, [(process, group) for group in groups])))
    (first,) = fits("train", training, [(process, groups[0])])
    rest = [(first[0].fitted.process, group) for group in groups[1:]]
    return first + list(chain(*fits("train", training, rest))) if rest else first


def _fit(
    n_threads: int,
    values: Floats,
    columns: tuple[str, ...],
    network: ModelSpec,
    process: ProcessSpec,
    training: TrainingSpec,
    seeds: Sequence[int],
    report: Report,
    device: str,
) -> list[Fit]:
    """Fit models of one table as one, in this process or in another."""
    tables = [values] * len(seeds)
    with torch_threads(n_threads):
        return fit_together(tables, columns, network, process, training, seeds, report, len(seeds), device)


def mean_bound(fits: Sequence[Fit]) -> float:
    """The mean of the models' held-out bounds, nats a row."""
    return float(np.mean([each.validation_bound for each in fits]))


def impute_rows(
    members: Sequence[FittedModel],
    values: Floats,
    imputation: ImputationSpec,
    seed: int,
    first: int,
    n_jobs: int | None,
    n_threads: int,
    device: str,
    verbose: bool,
) -> Imputation:
    """See `impute_together`: the same, to the bit, whatever the processes.

    Arguments:
        members: Models of one table.
        values: See `impute_together`.
        imputation: See `impute_together`.
        seed: See `impute_together`.
        first: See `impute_together`.
        n_jobs: Processes, as joblib takes it; a GPU is given one.
        n_threads: Threads of each.
        device: What computes, `cpu` or `cuda`.
        verbose: Whether to show a progress bar.
    """
    starts = range(0, len(values), _PIECE)
    jobs = min(_processes(n_jobs, device), len(starts))
    with progress_bar("impute", verbose) as report:
        if jobs < 2:
            return _impute(n_threads, members, values, imputation, seed, report, first, device)
        parts = []
        for part in Parallel(n_jobs=jobs, return_as="generator")(
            delayed(_impute)(
                n_threads,
                members,
                values[start : start + _PIECE],
                imputation,
                seed,
                first=first + start,
            )
            for start in starts
        ):
            parts.append(part)
            report(min(len(parts) * _PIECE, len(values)), len(values), float(part.effective_samples.mean()))
    return Imputation(
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.draws for part in parts], axis=1),
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.effective_samples for part in parts]),
    )


def _impute(n_threads: int, *arguments: Any, **named: Any) -> Imputation:
    """See `impute_together`, in this process or in another."""
    with torch_threads(n_threads):
        return impute_together(*arguments, **named)


def _processes(n_jobs: int | None, device: str) -> int:
    return effective_n_jobs(n_jobs) if device == "cpu" else 1
