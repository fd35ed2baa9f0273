"""Where an imputer trains its members and imputes: here, or in processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs

from notmiwae.arrays import Floats
from notmiwae.computing import chunks
from notmiwae.estimators.threads import torch_threads
from notmiwae.imputation import BLOCK, Imputation, impute_together
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.progress import Report, progress_bar, silent
from notmiwae.training.fit import Fit, fit_together
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import KnownCells, rows_of
from notmiwae.training.recipe import ImputationSpec, TrainingSpec

_PIECE = 8 * BLOCK
"""Rows that a process imputes at a time; fewer aren't worth its start."""


@dataclass(frozen=True)
class Job:
    """Models of one table that are computed as one.

    Attributes:
        values: Table `[N, D]`, NaN where missing.
        network: Encoder, decoder, observation model.
        process: Missing process.
        training: How to train.
        seeds: Seed of each model.
        folds: Numbers of the rows that each model isn't trained on; None: some at random.
        known: Cells known to lie between two ends.
    """

    values: Floats
    network: ModelSpec
    process: ProcessSpec
    training: TrainingSpec
    seeds: Sequence[int]
    folds: Sequence[torch.Tensor] | None = None
    known: KnownCells | None = None


@dataclass(frozen=True)
class Workers:
    """Where an imputer computes.

    Attributes:
        n_jobs: Number of processes, as joblib takes it; a GPU is given one.
        n_threads: Number of torch's threads in each process.
        device: Device that computes, `cpu` or `cuda`.
        verbose: Whether to show a progress bar.
    """

    n_jobs: int | None = None
    n_threads: int = 1
    device: str = "cpu"
    verbose: bool = False

    def fit(
        self,
        values: Floats,
        columns: tuple[str, ...],
        network: ModelSpec,
        processes: Sequence[ProcessSpec],
        training: TrainingSpec,
        seeds: Sequence[int],
        known: KnownCells | None = None,
    ) -> list[Fit]:
        """Train models of one table, to impute together; `training.together` of them are computed as one.

        Arguments:
            values: Table `[N, D]`, NaN where missing.
            columns: Names of the features.
            network: Encoder, decoder, observation model.
            processes: Missing process of each member.
            training: How to train.
            seeds: Seed of each member.
            known: Cells known to lie between two ends.
        """
        # Members of one process are computed as one.
        order = sorted(range(len(seeds)), key=lambda member: processes.index(processes[member]))
        groups = [
            group
            for _, alike in groupby(order, key=lambda member: processes.index(processes[member]))
            for group in chunks(list(alike), training.together)
        ]
        jobs = [
            Job(
                values,
                network,
                processes[group[0]],
                training,
                [seeds[member] for member in group],
                None,
                known,
            )
            for group in groups
        ]
        trained = chain(*self.train(columns, "train", jobs))
        by_member = dict(zip(chain(*groups), trained, strict=True))
        return [by_member[member] for member in range(len(seeds))]

    def train(self, columns: tuple[str, ...], title: str, jobs: Sequence[Job]) -> list[list[Fit]]:
        """Train the models of each job; a progress bar has the title."""
        processes = min(self._processes(), len(jobs))
        done: list[list[Fit]] = []
        with progress_bar(title, self.verbose) as report:
            # Other processes have no hold of the bar: there it goes on when one has ended.
            own = report if processes == 1 else silent
            for fits in Parallel(n_jobs=processes, return_as="generator")(
                delayed(self._fit)(columns, job, own) for job in jobs
            ):
                done.append(fits)
                if processes > 1:
                    report(len(done), len(jobs), mean_bound(fits))
        return done

    def impute(
        self,
        members: Sequence[FittedModel],
        values: Floats,
        imputation: ImputationSpec,
        seed: int,
        first: int = 0,
        known: KnownCells | None = None,
    ) -> Imputation:
        """Impute as `impute_together` does, to the same bits, whatever the number of processes."""
        starts = range(0, len(values), _PIECE)
        jobs = min(self._processes(), len(starts))
        with progress_bar("impute", self.verbose) as report:
            if jobs < 2:
                return self._impute(members, values, imputation, seed, report, first, known)
            parts: list[Imputation] = []
            for part in Parallel(n_jobs=jobs, return_as="generator")(
                delayed(self._impute)(
                    members, values[rows], imputation, seed, silent, first + rows.start, rows_of(known, rows)
                )
                for rows in (slice(start, start + _PIECE) for start in starts)
            ):
                parts.append(part)
                done = min(len(parts) * _PIECE, len(values))
                report(done, len(values), float(part.effective_samples.mean()))
        return Imputation(
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.draws for part in parts], axis=1),
            np.concatenate([part.samples for part in parts]),
            np.concatenate([part.effective_samples for part in parts]),
        )

    def _fit(self, columns: tuple[str, ...], job: Job, report: Report) -> list[Fit]:
        """Fit models of one table as one, in this process or in another."""
        tables = [job.values] * len(job.seeds)
        specs = (columns, job.network, job.process, job.training, job.seeds)
        with torch_threads(self.n_threads):
            return fit_together(
                tables,
                *specs,
                report,
                len(job.seeds),
                device=self.device,
                folds=job.folds,
                known=job.known,
            )

    def _impute(
        self,
        members: Sequence[FittedModel],
        values: Floats,
        imputation: ImputationSpec,
        seed: int,
        report: Report,
        first: int,
        known: KnownCells | None,
    ) -> Imputation:
        """Impute rows, in this process or in another."""
        with torch_threads(self.n_threads):
            return impute_together(members, values, imputation, seed, report, first, self.device, known)

    def _processes(self) -> int:
        return effective_n_jobs(self.n_jobs) if self.device == "cpu" else 1


def mean_bound(fits: Sequence[Fit]) -> float:
    """Average the models' held-out ELBOs, nats a row."""
    return float(np.mean([each.validation_bound for each in fits]))
