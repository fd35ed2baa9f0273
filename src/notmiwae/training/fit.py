"""Training of models: from a table to fitted models, the best of several starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

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
from notmiwae.training.recipe import TrainingSpec
from notmiwae.training.scaling import Scaling
from notmiwae.training.selection import CurvePoint
from notmiwae.training.trainer import Rows, Trainer


@dataclass(frozen=True)
class Fit:
    """What training returns: the model that was kept, its held-out bound, and the way there."""

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
    """Fit one model; see `fit_together`."""
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
) -> list[Fit]:
    """Fit MIWAEs (`process` ignorable) or not-MIWAEs to tables with missing values.

    Each model is what it would be if it were fitted alone, but for rounding; together they take a fraction of
    the time where tables and networks are small (see `stack.py`).

    Where the process has several starts (an unknown direction) or restarts are asked for, all are trained for
    the share `race` of the steps, and the one with the highest held-out bound goes on alone; the imputation
    error plays no part. Models that will impute together are of one mind on the process: their mean bound
    knows what a single one, with a few dozen rows held out, may not.

    Arguments:
        tables: One for each model, `[N, D]`, NaN where missing; they may be the same.
        columns: Names of the features.
        network: Encoder, decoder, observation model.
        process: The missing process.
        training: How to train.
        seeds: Of everything random in each model.
        report: Called with step, steps, mean held-out bound.
        members: How many consecutive models, of one table, impute together.
        device: What computes, `cpu` or `cuda`; the noise is the same.
        checkpoints: A folder for the state of the training. If there is one already, of the same arguments,
            training goes on from it and gives the same bits; whoever gave the folder removes it.

    Raises:
        DataError: a column has no observed value, or too few rows are left to hold some out.
        DivergenceError: the bound became non-finite.
    """
    # A table of several models is held once.
    different = {id(table): table for table in tables}
    held = {key: _standardised(table, columns, network) for key, table in different.items()}
    tasks = [_Task(*held[id(table)], seed) for table, seed in zip(tables, seeds, strict=True)]
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, task in enumerate(tasks):
        # Only models of one structure can be computed as one.
        alike[len(task.rows[0]), *task.process_columns.tolist()].append(number)
    fits: dict[int, Fit] = {}
    for structure, numbers in enumerate(alike.values()):
        chosen = [tasks[number] for number in numbers]
        folder = checkpoints and checkpoints / str(structure)
        done = _fit_alike(chosen, columns, network, process, training, members, report, device, folder)
        fits |= zip(numbers, done, strict=True)
    return [fits[number] for number in range(len(tasks))]


@dataclass(frozen=True)
class _Task:
    """A model to fit: its rows, how they are scaled, and its seed."""

    rows: Rows
    scaling: Scaling
    seed: int

    @property
    def process_columns(self) -> torch.Tensor:
        """Numbers of the features with missing values."""
        return torch.nonzero((self.rows[1] == 0).any(0)).flatten()


def _standardised(table: Floats, columns: tuple[str, ...], network: ModelSpec) -> tuple[Rows, Scaling]:
    empty = np.flatnonzero(np.isnan(table).all(axis=0))
    if len(empty):
        raise DataError(f"column {columns[empty[0]]!r} has no observed value; drop it")
    scaling = Scaling.of(table, network.standardised(len(columns)))
    rows = scaling.tensors(table)
    network.observation.check(*rows, columns)
    return rows, scaling


def _fit_alike(
    tasks: Sequence[_Task],
    columns: tuple[str, ...],
    network: ModelSpec,
    process: ProcessSpec,
    training: TrainingSpec,
    members: int,
    report: Report,
    device: str,
    checkpoints: Path | None,
) -> list[Fit]:
    """Fit models of one structure."""
    starts = [(start, restart) for start in process.starts() for restart in range(training.restarts)]
    parts = chunks(range(len(tasks)), training.together)
    moved = {id(rows): (rows[0].to(device), rows[1].to(device)) for rows in (task.rows for task in tasks)}

    def begin(number: int, start: ProcessSpec, restart: int, part: Sequence[int]) -> Trainer:
        models, chosen = [], [tasks[m] for m in part]
        for task in chosen:
            # Initial weights come from torch's global generator; the fork leaves it as it was.
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(torch_seed(task.seed, "weights", *([restart] if restart else [])))
                built = build_process(start, network.observation, task.process_columns, *task.rows, columns)
                models.append(NotMIWAE(network, len(columns), built).to(device))
        seeds = [torch_seed(task.seed, "training") for task in chosen]
        rows = [moved[id(task.rows)] for task in chosen]
        path = checkpoints and checkpoints / f"{number}-{part[0]}.safetensors"
        return Trainer(models, rows, training, seeds, number, Checkpoint(path))

    ascents = [[begin(number, *each, part) for part in parts] for number, each in enumerate(starts)]
    progress = [[each for ascent in of_start for each in ascent.everyone] for of_start in ascents]
    winners = [0] * len(tasks)
    if len(starts) > 1:
        after = training.warm_start + round(training.race * (training.steps - training.warm_start))
        for ascent in (ascent for of_start in ascents for ascent in of_start):
            ascent.advance(after, report)
        bounds = np.array([[each.kept_bound(after) for each in of_start] for of_start in progress])
        winners = _winners(bounds.reshape(-1, training.restarts, len(tasks)), members)
    fits: dict[int, Fit] = {}
    for number, (of_start, (start, _)) in enumerate(zip(ascents, starts, strict=True)):
        for ascent, part in zip(of_start, parts, strict=True):
            chosen = [m for m in part if winners[m] == number]
            if not chosen:
                continue
            ascent.select([m - part[0] for m in chosen])
            ascent.advance(training.steps, report)
            for m, model in zip(chosen, ascent.finish(), strict=True):
                fitted = FittedModel(model, start, columns, tasks[m].scaling)
                curve = [point for each in progress for point in each[m].curve]
                fits[m] = Fit(fitted, progress[number][m].kept_bound(), curve)
    return [fits[m] for m in range(len(tasks))]


def _winners(bounds: Floats, members: int) -> list[int]:
    """Which run of each model goes on, given their held-out bounds, `[starts, restarts, M]`.

    Members of a mixture vote on the start by the mean of their best bounds; each chooses its own restart.
    """
    votes = bounds.max(1).reshape(len(bounds), -1, members).mean(-1)
    start = np.repeat(votes.argmax(0), members)
    restart = bounds[start, :, np.arange(bounds.shape[2])].argmax(1)
    winners: list[int] = (start * bounds.shape[1] + restart).tolist()
    return winners
