"""Training of models: from tables to fitted models, each the best of several runs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from notmiwae.arrays import Floats
from notmiwae.computing import chunks
from notmiwae.errors import DataError
from notmiwae.model.missing_process.by_column import build_process
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.progress import Report, silent
from notmiwae.randomness import torch_seed
from notmiwae.training.checkpoint import Checkpoint
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import KnownCells
from notmiwae.training.minibatches import Rows
from notmiwae.training.recipe import TrainingSpec
from notmiwae.training.scaling import Scaling
from notmiwae.training.selection import CurvePoint, winning_runs
from notmiwae.training.trainer import Trainer


@dataclass(frozen=True)
class Fit:
    """What training returns.

    Attributes:
        fitted: Model with the weights that were kept.
        validation_bound: Held-out ELBO of the weights that were kept, in nats a row.
        curve: Measurements during training, of all runs.
    """

    fitted: FittedModel
    validation_bound: float
    curve: list[CurvePoint]


def fit(
    table: Floats,
    columns: tuple[str, ...],
    network: ModelSpec,
    process: ProcessSpec,
    training: TrainingSpec,
    seed: int,
    report: Report = silent,
) -> Fit:
    """Fit one model, as `fit_together` does several."""
    return fit_together([table], columns, network, process, training, [seed], report)[0]


def fit_together(
    tables: Sequence[Floats],
    columns: tuple[str, ...],
    network: ModelSpec,
    process: ProcessSpec,
    training: TrainingSpec,
    seeds: Sequence[int],
    report: Report = silent,
    members: int = 1,
    device: str = "cpu",
    checkpoints: Path | None = None,
    folds: Sequence[Tensor] | None = None,
    known: KnownCells | None = None,
) -> list[Fit]:
    """Fit MIWAEs (`process` ignorable) or not-MIWAEs to tables with missing values.

    Each model is what it would be if it were fitted alone, but for rounding; together they take a fraction of
    the time where tables and networks are small (`batched.py`).

    Where the process has several starts (an unknown direction) or restarts are asked for, each pair of a
    start and a restart is a run. All runs are trained for the share `race` of the steps, and the one with the
    highest held-out ELBO goes on alone (`selection.py`).

    Arguments:
        tables: A table for each model, `[N, D]`, NaN where missing; they may be the same.
        columns: Names of the features.
        network: Encoder, decoder, observation model and prior.
        process: Missing process.
        training: How to train.
        seeds: Seed of each model, for everything random in it.
        report: Function called with step, steps, mean held-out ELBO.
        members: Number of consecutive models, of one table, that impute together.
        device: Device that computes, `cpu` or `cuda`; the noise is the same.
        checkpoints: Folder for the state of the training. Where it holds the state of a training with the
            same arguments, training goes on from it and gives the same bits; the caller removes the folder.
        folds: Numbers of the rows that each model isn't trained on, by which its held-out ELBO is measured;
            None: a share of them, at random.
        known: Cells known to lie between two ends, of all tables.

    Raises:
        DataError: a column has no observed value, or too few rows are left to hold some out.
        DivergenceError: the ELBO became non-finite.
    """
    if known is not None:
        network = network.model_copy(update={"censored": known.columns})
    # A table of several models is held once.
    distinct = {id(table): table for table in tables}
    standardised = {key: _standardised(table, columns, network, known) for key, table in distinct.items()}
    left_out: Sequence[Tensor | None] = folds or [None] * len(tables)
    own = zip(tables, seeds, left_out, strict=True)
    tasks = [_Task(*standardised[id(table)], seed, fold) for table, seed, fold in own]
    architectures: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, task in enumerate(tasks):
        # Only models of one architecture can be computed as one.
        architectures[len(task.rows[0]), *task.process_columns.tolist()].append(number)
    fits: dict[int, Fit] = {}
    for architecture, numbers in enumerate(architectures.values()):
        chosen = [tasks[number] for number in numbers]
        folder = checkpoints and checkpoints / str(architecture)
        race = _Race(chosen, columns, network, process, training, device, folder)
        fits |= zip(numbers, race.fit(members, report), strict=True)
    return [fits[number] for number in range(len(tasks))]


@dataclass(frozen=True)
class _Task:
    """A model to fit: its rows, how they are scaled, its seed, and the rows that it isn't trained on."""

    rows: Rows
    scaling: Scaling
    seed: int
    fold: Tensor | None

    @property
    def process_columns(self) -> Tensor:
        """List the indices of the features with missing values, `[C]`."""
        return torch.nonzero((self.rows[1] == 0).any(0)).flatten()


def _standardised(
    table: Floats, columns: tuple[str, ...], network: ModelSpec, known: KnownCells | None
) -> tuple[Rows, Scaling]:
    empty = np.flatnonzero(np.isnan(table).all(axis=0))
    if len(empty):
        raise DataError(f"column {columns[empty[0]]!r} has no observed value; drop it")
    scaling = Scaling.of(table, network.standardised(len(columns)))
    rows = scaling.tensors(table)
    network.observation.check(*rows, columns)
    return rows if known is None else (*rows, known.tensor(scaling)), scaling


@dataclass(frozen=True)
class _Race:
    """Models to fit, of one architecture; each is the best of several runs."""

    tasks: Sequence[_Task]
    columns: tuple[str, ...]
    network: ModelSpec
    process: ProcessSpec
    training: TrainingSpec
    device: str
    checkpoints: Path | None

    def fit(self, members: int, report: Report) -> list[Fit]:
        """Train all runs until the race ends, and the winners to the last step."""
        runs = [
            (start, restart) for start in self.process.starts() for restart in range(self.training.restarts)
        ]
        groups = chunks(range(len(self.tasks)), self.training.together)
        trainers = [[self._trainer(run, *runs[run], group) for group in groups] for run in range(len(runs))]
        progress = [[model for trainer in by_group for model in trainer.progress] for by_group in trainers]
        winners = [0] * len(self.tasks)
        if len(runs) > 1:
            finish = self._race_ends()
            for trainer in (trainer for by_group in trainers for trainer in by_group):
                trainer.train(finish, report)
            elbos = np.array([[model.kept_bound(finish) for model in models] for models in progress])
            winners = winning_runs(elbos.reshape(-1, self.training.restarts, len(self.tasks)), members)
        fits: dict[int, Fit] = {}
        for run, (start, _) in enumerate(runs):
            for trainer, group in zip(trainers[run], groups, strict=True):
                chosen = [r for r in group if winners[r] == run]
                if not chosen:
                    continue
                trainer.select([r - group[0] for r in chosen])
                trainer.train(self.training.steps, report)
                for r, model in zip(chosen, trainer.finish(), strict=True):
                    fitted = FittedModel(model, start, self.columns, self.tasks[r].scaling)
                    curve = [point for models in progress for point in models[r].curve]
                    fits[r] = Fit(fitted, progress[run][r].kept_bound(), curve)
        return [fits[r] for r in range(len(self.tasks))]

    def _race_ends(self) -> int:
        """Compute the step after which only the best run of each model goes on."""
        warm_start = self.training.warm_start
        return warm_start + round(self.training.race * (self.training.steps - warm_start))

    def _trainer(self, run: int, start: ProcessSpec, restart: int, group: Sequence[int]) -> Trainer:
        """Build the models of a group with the initial weights of a run."""
        models, chosen = [], [self.tasks[r] for r in group]
        for task in chosen:
            # Initial weights come from torch's global generator; the fork leaves it as it was.
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(torch_seed(task.seed, "weights", *([restart] if restart else [])))
                x, s, *_ = task.rows
                process = build_process(
                    start, self.network.observation, task.process_columns, x, s, self.columns
                )
                model = NotMIWAE(self.network, len(self.columns), process)
                if model.shapes is not None:
                    model.shapes.begin(x, s, *task.scaling.limits(self.network.limits))
                models.append(model.to(self.device))
        seeds = [torch_seed(task.seed, "training") for task in chosen]
        path = self.checkpoints and self.checkpoints / f"{run}-{group[0]}.safetensors"
        rows = [self._on_device[id(task.rows)] for task in chosen]
        folds = [task.fold for task in chosen]
        return Trainer(models, rows, self.training, seeds, run, Checkpoint(path), folds)

    @cached_property
    def _on_device(self) -> dict[int, Rows]:
        """Move rows to the device that computes; those of a table are there once."""
        distinct = {id(task.rows): task.rows for task in self.tasks}
        return {key: tuple(each.to(self.device) for each in rows) for key, rows in distinct.items()}
