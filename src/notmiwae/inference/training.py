"""Training: stochastic ascent of the bound; the bound of held-out rows decides which weights are kept."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from notmiwae.errors import DataError, DivergenceError
from notmiwae.inference.fitted import FittedModel, Scaling
from notmiwae.model.by_column import build_process
from notmiwae.model.latent import ImportanceSamples, LatentVariableModel, ModelSpec, bound
from notmiwae.model.missing import ProcessSpec
from notmiwae.parallel import Report, silent
from notmiwae.params import Spec
from notmiwae.randomness import torch_seed


class TrainingSpec(Spec):
    """How a model is trained.

    Attributes:
        samples: K, importance samples a row.
        batch_size: Rows a step.
        steps: Steps of Adam at most.
        learning_rate: Step size of encoder, decoder and observation model.
        missing_process_learning_rate: Step size of the missing process, whose slopes have far to go.
        decay: Share of the steps, at the end, over which the step sizes fall linearly to zero.
        warm_start: Steps at the beginning in which missingness is taken as ignorable (MIWAE), so that the
            missing process meets networks that already know the features; the held-out bound of these
            steps keeps no weights.
        gradient_clip: Largest norm of the gradient; a longer one is shortened to it; null clips nothing.
        restarts: Independent initial weights to train from, of which the highest held-out bound wins.
        race: Share of the steps after the warm start after which only the best of several starts or
            restarts goes on.
        held_out: Share of the rows that only measure the bound.
        validation_samples: K for the held-out bound.
        check_every: Steps between measurements of the held-out bound.
        slack: Keep the latest weights whose held-out bound is within this many paired standard errors of the
            best; 0 keeps the best. A few dozen held-out rows can't tell converged weights from lucky ones.
        patience: Measurements without a better bound after which training stops; null never stops it.
    """

    samples: PositiveInt = 20
    batch_size: PositiveInt = 64
    steps: PositiveInt
    learning_rate: PositiveFloat = 1e-3
    missing_process_learning_rate: PositiveFloat = 1e-2
    decay: Annotated[float, Field(ge=0, le=1)] = 0.3
    warm_start: NonNegativeInt = 0
    gradient_clip: PositiveFloat | None = None
    restarts: PositiveInt = 1
    race: Annotated[float, Field(gt=0, le=1)] = 0.3
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    validation_samples: PositiveInt = 50
    check_every: PositiveInt = 50
    slack: Annotated[float, Field(ge=0)] = 1.0
    patience: PositiveInt | None = None

    @model_validator(mode="after")
    def _warm_start_ends(self) -> Self:
        if self.warm_start >= self.steps:
            raise ValueError(f"warm_start ({self.warm_start}) must be less than steps ({self.steps})")
        return self


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


@dataclass(frozen=True)
class Fit:
    """What training returns: the model that was kept, its held-out bound, and the way there."""

    fitted: FittedModel
    validation_bound: float
    curve: list[CurvePoint]


def fit(
    table: npt.NDArray[np.float64],
    columns: tuple[str, ...],
    network: ModelSpec,
    process: ProcessSpec,
    training: TrainingSpec,
    seed: int,
    report: Report = silent,
) -> Fit:
    """Fit a MIWAE (`process` ignorable) or not-MIWAE to a table with missing values.

    Where the process has several starts (an unknown direction) or restarts are asked for, all are trained for
    the share `race` of the steps, and the one with the highest held-out bound goes on alone; the imputation
    error plays no part.

    Arguments:
        table: `[N, D]`, NaN where missing.
        columns: Names of the features.
        network: Encoder, decoder, observation model.
        process: The missing process.
        training: How to train.
        seed: Of everything random here.
        report: Called with step, steps, held-out bound.

    Raises:
        DataError: a column has no observed value, or too few rows are left to hold some out.
        DivergenceError: the bound became non-finite.
    """
    empty = np.flatnonzero(np.isnan(table).all(axis=0))
    if len(empty):
        raise DataError(f"column {columns[empty[0]]!r} has no observed value; drop it")
    scaling = Scaling.of(table, network.standardised(len(columns)))
    x, s = scaling.tensors(table)
    process_columns = torch.nonzero((s == 0).any(0)).flatten()
    runs = []
    for number, (start, restart) in enumerate(itertools.product(process.starts(), range(training.restarts))):
        # Initial weights come from torch's global generator; the fork leaves it as it was.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(seed, "weights", *([restart] if restart else [])))
            built = build_process(start, network.observation, process_columns, x, s, columns)
            model = LatentVariableModel(network, len(columns), built)
        points = _train(model, x, s, training, torch_seed(seed, "training"), number)
        runs.append(_Run(model, start, points))
    if len(runs) > 1:
        after = training.warm_start + round(training.race * (training.steps - training.warm_start))
        for run in runs:
            run.advance(after, training.steps, report)
    best = max(runs, key=lambda run: run.kept_bound)
    best.advance(training.steps, training.steps, report)
    curve = [point for run in runs for point in run.curve]
    return Fit(FittedModel(best.model.eval(), best.process, columns, scaling), best.kept_bound, curve)


@dataclass
class _Run:
    """One training on its way, from one start of the missing process and one set of initial weights."""

    model: LatentVariableModel
    process: ProcessSpec
    points: Iterator[CurvePoint]
    curve: list[CurvePoint] = field(default_factory=list)

    @property
    def kept_bound(self) -> float:
        """The held-out bound of the weights kept so far; before there are any, the latest one."""
        kept = [point.validation_bound for point in self.curve if point.kept]
        latest = [point.validation_bound for point in self.curve[-1:]]
        return (kept or latest or [-math.inf])[-1]

    def advance(self, step: int, steps: int, report: Report) -> None:
        """Train until a measurement at `step` or later; at the last one the model takes the kept weights."""
        while not self.curve or self.curve[-1].step < step:
            point = next(self.points, None)
            if point is None:
                return
            self.curve.append(point)
            report(point.step, steps, point.validation_bound)
        if step >= steps:
            # Lets the training load the weights that it kept.
            next(self.points, None)


def _train(
    model: LatentVariableModel, x: Tensor, s: Tensor, training: TrainingSpec, seed: int, start: int
) -> Iterator[CurvePoint]:
    """Train `model` in place, yielding measurements; at the end it holds the weights that were kept."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(x), generator=generator)
    held_out = max(1, round(training.held_out * len(x)))
    validation, rows = rows[:held_out], rows[held_out:]
    if len(rows) == 0:
        raise DataError(f"{len(x)} row(s) are too few to hold out {training.held_out:.0%} of them")
    x_validation, s_validation = x[validation], s[validation]
    batches = _batches(x[rows], s[rows], training.batch_size, generator)
    optimiser, schedule = _optimiser(model, training)
    best, best_step = torch.full((len(validation),), -math.inf), training.warm_start
    kept_weights = model.state_dict()
    for step, (x_batch, s_batch) in zip(range(1, training.steps + 1), batches, strict=False):
        optimiser.zero_grad(set_to_none=True)
        drawn = model.importance_samples(x_batch, s_batch, training.samples, generator)
        warming = step <= training.warm_start
        training_bound = bound(drawn.ignorable_log_weights if warming else drawn.log_weights).mean()
        if not math.isfinite(training_bound.item()):
            raise DivergenceError(_what_broke(step, drawn))
        (-training_bound).backward()  # type: ignore[no-untyped-call]
        if training.gradient_clip:
            nn.utils.clip_grad_norm_(model.parameters(), training.gradient_clip)
        optimiser.step()
        model.missing_process.constrain()
        schedule.step()
        if step % training.check_every and step < training.steps:
            continue
        # The same noise each time, so that a difference is the weights'.
        noise = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            samples = model.importance_samples(x_validation, s_validation, training.validation_samples, noise)
        reached = bound(samples.log_weights)
        if not torch.isfinite(reached).all():
            raise DivergenceError(_what_broke(step, samples))
        kept = not warming and _is_within(training.slack, best, reached)
        if kept:
            kept_weights = copy.deepcopy(model.state_dict())
        if not warming and reached.mean() > best.mean():
            best, best_step = reached, step
        yield CurvePoint(start, step, training_bound.item(), reached.mean().item(), kept)
        if training.patience and step - best_step >= training.patience * training.check_every:
            break
    model.load_state_dict(kept_weights)


def _is_within(slack: float, best: Tensor, reached: Tensor) -> bool:
    """Whether the rows' bounds `reached` fall short of the `best` by `slack` standard errors at most."""
    shortfall = best - reached
    if not torch.isfinite(shortfall).all() or len(shortfall) == 1:
        return bool(reached.mean() > best.mean())
    return bool(shortfall.mean() <= slack * shortfall.std() / math.sqrt(len(shortfall)))


def _batches(x: Tensor, s: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: shuffled once an epoch, then cut as views; a remainder waits for another epoch."""
    size = min(size, len(x))
    while True:
        order = torch.randperm(len(x), generator=generator)
        x, s = x[order], s[order]
        for first in range(0, len(x) - size + 1, size):
            yield x[first : first + size], s[first : first + size]


def _optimiser(
    model: LatentVariableModel, training: TrainingSpec
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    process = list(model.missing_process.parameters())
    of_process = {id(parameter) for parameter in process}
    networks = [parameter for parameter in model.parameters() if id(parameter) not in of_process]
    groups = [{"params": networks, "lr": training.learning_rate}]
    if process:
        groups.append({"params": process, "lr": training.missing_process_learning_rate})
    optimiser = torch.optim.Adam(groups, fused=True)
    decaying = max(training.decay * training.steps, 1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (training.steps - step) / decaying)
    )
    return optimiser, schedule


def _what_broke(step: int, drawn: ImportanceSamples) -> str:
    broken = [name for name, term in drawn.terms.items() if not torch.isfinite(term).all()]
    culprits = ", ".join(broken) if broken else "none of its terms alone"
    return (
        f"the bound isn't finite at step {step}; not finite: {culprits}. "
        "Lower learning_rate or raise the observation model's floor"
    )
