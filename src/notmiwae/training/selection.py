"""What is kept of a training: which weights of a model, and which of several runs goes on.

The ELBO of held-out rows decides; the error of imputations plays no part.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from notmiwae.arrays import Floats
from notmiwae.errors import DataError
from notmiwae.training.recipe import TrainingSpec
from notmiwae.training.stopping import should_stop

_MOST_HELD_OUT = 1000
"""Most rows held out: more would cost more than the steps between two measurements, and tell hardly more."""


@dataclass(frozen=True)
class CurvePoint:
    """One measurement during training, in one run: a start of the missing process and a restart.

    Attributes:
        start: Number of the run, counting starts of the missing process, and within each the restarts.
        step: Number of steps done.
        training_bound: ELBO of the step's batch, in nats a row.
        validation_bound: ELBO of the held-out rows, in nats a row.
        kept: Whether the weights took the place of those kept before; the last kept ones are the model's.
    """

    start: int
    step: int
    training_bound: float
    validation_bound: float
    kept: bool


@dataclass
class ModelProgress:
    """Where the training of one model stands.

    Attributes:
        seed: Seed of all noise in the model's training.
        generator: Source of all noise in the model's training.
        rows: Numbers of the rows on which the model is trained.
        held_out: Numbers of the rows that measure the model's ELBO.
        best: ELBO of each held-out row at the best step so far.
        best_step: Step of the best mean held-out ELBO so far; at first, the end of the warm start.
        curve: All measurements of the model.
        stopped: Whether the model's training has ended.
    """

    seed: int
    generator: torch.Generator
    rows: Tensor
    held_out: Tensor
    best: Tensor
    best_step: int
    curve: list[CurvePoint] = field(default_factory=list)
    stopped: bool = False

    @classmethod
    def begin(cls, rows: int, seed: int, training: TrainingSpec, fold: Tensor | None = None) -> ModelProgress:
        """Hold some of a table's rows out, a fold that is given or some at random, and draw from the rest.

        Raises:
            DataError: no row is left to train on.
        """
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(rows, generator=generator)
        count = min(max(1, round(training.held_out * rows)), _MOST_HELD_OUT)
        held_out, left = order[:count], order[count:]
        if fold is not None:
            held_out, left = fold[:_MOST_HELD_OUT], order[~torch.isin(order, fold)]
        if not len(left):
            raise DataError(f"n_samples={rows}: too few rows to hold out {training.held_out:.0%} of them")
        if training.bootstrap:
            left = left[torch.randint(len(left), (len(left),), generator=generator)]
        best = torch.full((len(held_out),), -math.inf)
        return cls(seed, generator, left, held_out, best, training.warm_start)

    def record(self, run: int, step: int, batch: float, held_out: Tensor, training: TrainingSpec) -> bool:
        """Enter a measurement, and tell whether the weights that gave it are to be kept.

        Arguments:
            run: Number of the run.
            step: Number of steps done.
            batch: ELBO of the step's batch, in nats a row.
            held_out: ELBO of each row held out, in nats.
            training: How the model is trained.
        """
        warming = step <= training.warm_start
        kept = not warming and is_within(training.slack, self.best, held_out)
        if not warming and held_out.mean() > self.best.mean():
            self.best, self.best_step = held_out, step
        self.curve.append(CurvePoint(run, step, batch, held_out.mean().item(), kept))
        self.stopped = should_stop(step, self.best_step, training)
        return kept

    def kept_bound(self, step: int | None = None) -> float:
        """Return the held-out ELBO of the weights kept so far; before there are any, the latest one.

        Arguments:
            step: Step at which, or at the first measurement after it, the curve ends; None: all of it counts.
        """
        points = self.curve
        if step is not None:
            points = points[: bisect_left([point.step for point in points], step) + 1]
        kept = [point.validation_bound for point in points if point.kept]
        latest = [point.validation_bound for point in points[-1:]]
        return (kept or latest or [-math.inf])[-1]

    def shuffled(self) -> Tensor:
        """Put the numbers of the rows in a new order."""
        return self.rows[torch.randperm(len(self.rows), generator=self.generator)]

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds beside `best` and the generator's state, as plain data."""
        return {"best_step": self.best_step, "stopped": self.stopped, "curve": [*map(astuple, self.curve)]}

    def restore(self, plain: dict[str, Any], best: Tensor, generator: Tensor) -> None:
        """Go on from a checkpoint; the inverse of `state`."""
        self.best, self.best_step, self.stopped = best, plain["best_step"], plain["stopped"]
        self.curve = [CurvePoint(*point) for point in plain["curve"]]
        self.generator.set_state(generator)


def is_within(slack: float, best: Tensor, held_out: Tensor) -> bool:
    """Tell whether the rows' ELBOs fall short of the `best` by `slack` paired standard errors at most."""
    shortfall = best - held_out
    if not torch.isfinite(shortfall).all() or len(shortfall) == 1:
        return bool(held_out.mean() > best.mean())
    return bool(shortfall.mean() <= slack * shortfall.std() / math.sqrt(len(shortfall)))


def winning_runs(elbos: Floats, members: int) -> list[int]:
    """Choose the run of each model that goes on.

    Members of a mixture vote on the start, by the mean of their best ELBOs: it knows what a single model,
    with a few dozen rows held out, may not. Each member chooses its own restart.

    Arguments:
        elbos: Held-out ELBO of each run of each model, `[starts, restarts, models]`.
        members: Number of consecutive models that impute together.
    """
    votes = elbos.max(1).reshape(len(elbos), -1, members).mean(-1)
    start = np.repeat(votes.argmax(0), members)
    restart = elbos[start, :, np.arange(elbos.shape[2])].argmax(1)
    runs: list[int] = (start * elbos.shape[1] + restart).tolist()
    return runs
