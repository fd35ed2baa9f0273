"""Where an imputer trains its members and imputes: here, or in processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

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
        process: ProcessSpec,
        training: TrainingSpec,
        seeds: Sequence[int],
    ) -> list[Fit]:
        """Train models of one table, to impute together; `training.together` of them are computed as one.

        They agree on unknown directions: those that are computed first vote, the others follow.

        Arguments:
            values: Table `[N, D]`, NaN where missing.
            columns: Names of the features.
            network: Encoder, decoder, observation model.
            process: Missing process.
            training: How to train.
            seeds: Seed of each member.
        """

        def fits(
            title: str, training: TrainingSpec, jobs: Sequence[tuple[ProcessSpec, Sequence[int]]]
        ) -> list[list[Fit]]:
            """Fit each job: a process, and the seeds of the models that are computed as one."""
            processes = min(self._processes(), len(jobs))
            done: list[list[Fit]] = []
            with progress_bar(title, self.verbose) as report:
                # Other processes have no hold of the bar: there it goes on when one has ended.
                own = report if processes == 1 else silent
                for more in Parallel(n_jobs=processes, return_as="generator")(
                    delayed(self._fit)(values, columns, network, process, training, some, own)
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

    def impute(
        self,
        members: Sequence[FittedModel],
        values: Floats,
        imputation: ImputationSpec,
        seed: int,
        first: int = 0,
    ) -> Imputation:
        """Impute as `impute_together` does, to the same bits, whatever the number of processes."""
        starts = range(0, len(values), _PIECE)
        jobs = min(self._processes(), len(starts))
        with progress_bar("impute", self.verbose) as report:
            if jobs < 2:
                return self._impute(members, values, imputation, seed, report, first)
            parts: list[Imputation] = []
            for part in Parallel(n_jobs=jobs, return_as="generator")(
                delayed(self._impute)(
                    members, values[start : start + _PIECE], imputation, seed, silent, first + start
                )
                for start in starts
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

    def _fit(
        self,
        values: Floats,
        columns: tuple[str, ...],
        network: ModelSpec,
        process: ProcessSpec,
        training: TrainingSpec,
        seeds: Sequence[int],
        report: Report,
    ) -> list[Fit]:
        """Fit models of one table as one, in this process or in another."""
        tables = [values] * len(seeds)
        specs = (columns, network, process, training)
        with torch_threads(self.n_threads):
            return fit_together(tables, *specs, seeds, report, len(seeds), self.device)

    def _impute(
        self,
        members: Sequence[FittedModel],
        values: Floats,
        imputation: ImputationSpec,
        seed: int,
        report: Report,
        first: int,
    ) -> Imputation:
        """Impute rows, in this process or in another."""
        with torch_threads(self.n_threads):
            return impute_together(members, values, imputation, seed, report, first, self.device)

    def _processes(self) -> int:
        return effective_n_jobs(self.n_jobs) if self.device == "cpu" else 1


def mean_bound(fits: Sequence[Fit]) -> float:
    """Average the models' held-out ELBOs, nats a row."""
    return float(np.mean([each.validation_bound for each in fits]))
