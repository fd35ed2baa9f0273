"""Stochastic ascent of the bound; the bound of held-out rows decides which weights are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from notmiwae.errors import DataError, DivergenceError
from notmiwae.inference.recipe import TrainingSpec
from notmiwae.inference.stack import Stack
from notmiwae.model.latent import LatentVariableModel, bound, log_weights
from notmiwae.parallel import Report, silent

_MOST_HELD_OUT = 1000
"""Rows: more would cost more than the steps between two measurements, and tell hardly more."""

Rows = tuple[Tensor, Tensor]
"""Standardised rows, zero where missing, and their mask: each `[N, D]`."""


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
class Progress:
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
    def begin(cls, rows: int, seed: int, training: TrainingSpec) -> Progress:
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

    @property
    def kept_bound(self) -> float:
        """The held-out bound of the weights kept so far; before there are any, the latest one."""
        kept = [point.validation_bound for point in self.curve if point.kept]
        latest = [point.validation_bound for point in self.curve[-1:]]
        return (kept or latest or [-math.inf])[-1]

    def shuffled(self) -> Tensor:
        """The numbers of the rows in a new order."""
        return self.rows[torch.randperm(len(self.rows), generator=self.generator)]


class Ascent:
    """The training of a stack of models, each on rows of its own, as many as the others have.

    A model meets the batches and the noise that it would meet if it were trained alone.

    Arguments:
        models: Of one structure.
        rows: Each model's, on the device of the models; they aren't copied.
        training: How to train.
        seeds: Each model's.
        start: Number of the run, for the curves.

    Raises:
        DataError: too few rows are left to hold some out.
    """

    def __init__(
        self,
        models: Sequence[LatentVariableModel],
        rows: Sequence[Rows],
        training: TrainingSpec,
        seeds: Sequence[int],
        start: int,
    ) -> None:
        pairs = zip(rows, seeds, strict=True)
        self.progress = [Progress.begin(len(x), seed, training) for (x, _), seed in pairs]
        self._rows = list(rows)
        self._training = training
        self._start = start
        self._step = self._measured = 0
        self._stack = Stack(models)
        self._kept = [matrix.detach().clone() for matrix in self._stack.matrices]
        self._batches: list[Tensor] = []
        self._rates = [training.learning_rate, training.missing_process_learning_rate]
        groups = [
            {"params": [matrix], "lr": rate}
            for matrix, rate in zip(self._stack.matrices, self._rates, strict=True)
        ]
        self._optimiser = torch.optim.Adam(groups, fused=True)

    def advance(self, step: int, report: Report = silent) -> None:
        """Train to the first measurement at `step` or later, or until all models have lost patience.

        Arguments:
            step: Number of the step, from 1.
            report: Called with step, steps, mean held-out bound.

        Raises:
            DivergenceError: a bound became non-finite.
        """
        training = self._training
        # At least once: before a measurement there is nothing to choose by.
        while self._measured < max(step, 1) and not all(each.stopped for each in self.progress):
            self._step += 1
            bounds = self._ascend()
            if self._step % training.check_every and self._step < training.steps:
                continue
            self._measured = self._step
            for m, reached in enumerate(bounds.tolist()):
                if not self.progress[m].stopped:
                    self._measure(m, reached)
            latest = [each.curve[-1].validation_bound for each in self.progress]
            report(self._step, training.steps, sum(latest) / len(latest))

    def select(self, chosen: list[int]) -> None:
        """Go on with the `chosen` models alone."""
        states = [self._optimiser.state[matrix] for matrix in self._stack.matrices]
        self._stack.select(chosen)
        for state in states:
            state |= {name: state[name][chosen] for name in ("exp_avg", "exp_avg_sq") if name in state}
        self._kept = [matrix[chosen] for matrix in self._kept]
        self._batches = [batch[chosen] for batch in self._batches]
        self._rows = [self._rows[m] for m in chosen]
        self.progress = [self.progress[m] for m in chosen]

    def finish(self) -> list[LatentVariableModel]:
        """The models, each with the weights that were kept, in the processor's memory."""
        self._stack.load(self._kept)
        return [model.eval().cpu() for model in self._stack.models]

    def _ascend(self) -> Tensor:
        """One step of Adam; the bounds of the models' batches, `[M]`."""
        training = self._training
        left = (training.steps - self._step + 1) / max(training.decay * training.steps, 1.0)
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * min(1.0, left)
        self._optimiser.zero_grad()
        generators = [each.generator for each in self.progress]
        terms = self._stack.terms(*self._batch(), training.samples, generators)
        weights = log_weights(terms, ignorable=self._step <= training.warm_start)
        bounds = bound(weights.transpose(0, 1)).mean(-1)
        if not torch.isfinite(bounds).all():
            # What becomes of a model that has stopped is nobody's concern.
            going = [m for m, each in enumerate(self.progress) if not each.stopped]
            self._check(bounds[going], {name: term[going] for name, term in terms.items()})
        (-bounds.sum()).backward()  # type: ignore[no-untyped-call]
        if training.gradient_clip:
            self._clip(training.gradient_clip)
        self._optimiser.step()
        self._stack.limit()
        return bounds.detach()

    def _batch(self) -> Rows:
        """The models' next batches, `[M, B, D]`, of rows that are shuffled once an epoch."""
        if not self._batches:
            order = torch.stack([each.shuffled() for each in self.progress])
            size = min(self._training.batch_size, order.shape[1])
            # The remainder waits for another epoch.
            places = range(0, order.shape[1] - size + 1, size)
            self._batches = [order[:, place : place + size] for place in places][::-1]
        chosen = self._batches.pop()
        parts = [[each[own] for each in rows] for rows, own in zip(self._rows, chosen, strict=True)]
        x, s = (torch.stack(each) for each in zip(*parts, strict=True))
        return x, s

    def _clip(self, longest: float) -> None:
        """Shorten each model's gradient to `longest` where it is longer."""
        gradients = [each.grad for each in self._stack.matrices if each.grad is not None]
        norms = torch.stack([each.square().sum(-1) for each in gradients]).sum(0).sqrt()
        for gradient in gradients:
            gradient.mul_((longest / (norms + 1e-6)).clamp(max=1.0)[:, None])

    @torch.no_grad()
    def _measure(self, m: int, training_bound: float) -> None:
        """Measure the bound of a model's held-out rows, and keep its weights if they are good enough."""
        training, model = self._training, self.progress[m]
        # The same noise each time, so that a difference is the weights'.
        noise = torch.Generator().manual_seed(model.seed)
        x, s = (each[model.held_out] for each in self._rows[m])
        terms = self._stack.terms_of(m, x, s, training.validation_samples, noise)
        reached = bound(log_weights(terms)).cpu()
        self._check(reached, terms)
        warming = self._step <= training.warm_start
        kept = not warming and _is_within(training.slack, model.best, reached)
        if kept:
            for of_all, matrix in zip(self._kept, self._stack.matrices, strict=True):
                of_all[m] = matrix[m]
        if not warming and reached.mean() > model.best.mean():
            model.best, model.best_step = reached, self._step
        bounds = (training_bound, reached.mean().item())
        model.curve.append(CurvePoint(self._start, self._step, *bounds, kept))
        waited = self._step - model.best_step
        model.stopped = training.patience is not None and waited >= training.patience * training.check_every

    def _check(self, bounds: Tensor, terms: dict[str, Tensor]) -> None:
        if torch.isfinite(bounds).all():
            return
        broken = [name for name, term in terms.items() if not torch.isfinite(term).all()]
        culprits = ", ".join(broken) if broken else "none of its terms alone"
        raise DivergenceError(
            f"the bound isn't finite at step {self._step}; not finite: {culprits}. "
            "Lower learning_rate or raise the observation model's floor"
        )


def _is_within(slack: float, best: Tensor, reached: Tensor) -> bool:
    """Whether the rows' bounds `reached` fall short of the `best` by `slack` standard errors at most."""
    shortfall = best - reached
    if not torch.isfinite(shortfall).all() or len(shortfall) == 1:
        return bool(reached.mean() > best.mean())
    return bool(shortfall.mean() <= slack * shortfall.std() / math.sqrt(len(shortfall)))
