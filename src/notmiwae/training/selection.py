"""Where the training of a model stands: its rows, its noise, its measurements."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field

import torch
from torch import Tensor

from notmiwae.errors import DataError
from notmiwae.training.recipe import TrainingSpec

_MOST_HELD_OUT = 1000
"""Rows: more would cost more than the steps between two measurements, and tell hardly more."""


@dataclass(frozen=True)
class CurvePoint:
    """One measurement during training, of one start of the missing process and one restart.

    Attributes:
        start: Number of the run: starts of the missing process, and within each the restarts.
        step: Steps done.
        training_bound: Bound of the step's batch, in nats a row.
        validation_bound: Bound of the held-out rows, in nats a row.
        kept: Whether these weights took the place of those kept before; the last kept ones are the model's.
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
        seed: Of all its noise.
        generator: Source of it.
        rows: Those of its table on which it's trained, the numbers of them.
        held_out: Those that measure its bound.
        best: The best bounds so far, of each row held out.
        best_step: When they were reached; at first, the end of the warm start.
        curve: All measurements.
        stopped: Whether its patience has ended.
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
    def begin(cls, rows: int, seed: int, training: TrainingSpec) -> ModelProgress:
        """Hold some rows of a table out.

        Raises:
            DataError: none is left.
        """
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(rows, generator=generator)
        count = min(max(1, round(training.held_out * rows)), _MOST_HELD_OUT)
        if count >= rows:
            raise DataError(f"n_samples={rows}: too few rows to hold out {training.held_out:.0%} of them")
        best = torch.full((count,), -math.inf)
        return cls(seed, generator, order[count:], order[:count], best, training.warm_start)

    def kept_bound(self, step: int | None = None) -> float:
        """The held-out bound of the weights kept so far; before there are any, the latest one.

        Arguments:
            step: As things stood at the first measurement at this step or later; None: as they stand.
        """
        points = self.curve
        if step is not None:
            points = points[: bisect_left([point.step for point in points], step) + 1]
        kept = [point.validation_bound for point in points if point.kept]
        latest = [point.validation_bound for point in points[-1:]]
        return (kept or latest or [-math.inf])[-1]

    def shuffled(self) -> Tensor:
        """The numbers of the rows in a new order."""
        return self.rows[torch.randperm(len(self.rows), generator=self.generator)]
