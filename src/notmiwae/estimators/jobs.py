"""Where an imputer trains its members and imputes: here, or in processes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed, effective_n_jobs

from notmiwae.inference.fitted import FittedModel
from notmiwae.inference.imputation import BLOCK, Imputation, ImputationSpec, impute_together
from notmiwae.inference.recipe import TrainingSpec
from notmiwae.inference.training import Fit, fit_together
from notmiwae.model.latent import ModelSpec
from notmiwae.model.missing import ProcessSpec
from notmiwae.parallel import chunks, progress_bar, silent

Floats = npt.NDArray[np.float64]

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
    device: str,
    verbose: bool,
) -> list[Fit]:
    """Models of one table, to impute together; `training.together` of them are computed as one.

    They are of one mind on an unknown direction: those that are computed first vote, the others follow.

    Arguments:
        values: The table, `[N, D]`, NaN where missing.
        columns: Names of the features.
        network: Encoder, decoder, observation model.
        process: The missing process.
        training: How to train.
        seeds: One for each member.
        n_jobs: Processes, as joblib takes it; a GPU is given one.
        device: What computes, `cpu` or `cuda`.
        verbose: Whether to show a progress bar.
    """

    def fits(process: ProcessSpec, groups: Sequence[Sequence[int]]) -> list[Fit]:
        jobs = min(_processes(n_jobs, device), len(groups))
        done: list[Fit] = []
        with progress_bar("train", verbose) as report:
            # Other processes have no hold of the bar: there it goes on when one has ended.
            own = report if jobs == 1 else silent
            for more in Parallel(n_jobs=jobs, return_as="generator")(
                delayed(fit_together)(
                    [values] * len(some), columns, network, process, training, some, own, len(some), device
                )
                for some in groups
            ):
                done += more
                if jobs > 1:
                    report(len(done), sum(map(len, groups)), mean_bound(done))
        return done

    groups = chunks(seeds, training.together)
    if len(process.starts()) == 1:
        return fits(process, groups)
    first = fits(process, groups[:1])
    return first + (fits(first[0].fitted.process, groups[1:]) if groups[1:] else [])


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
        device: What computes, `cpu` or `cuda`.
        verbose: Whether to show a progress bar.
    """
    starts = range(0, len(values), _PIECE)
    jobs = min(_processes(n_jobs, device), len(starts))
    with progress_bar("impute", verbose) as report:
        if jobs < 2:
            return impute_together(members, values, imputation, seed, report, first, device)
        parts = []
        for part in Parallel(n_jobs=jobs, return_as="generator")(
            delayed(impute_together)(
                members, values[start : start + _PIECE], imputation, seed, first=first + start
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


def _processes(n_jobs: int | None, device: str) -> int:
    return effective_n_jobs(n_jobs) if device == "cpu" else 1
