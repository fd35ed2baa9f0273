"""Stochastic ascent of the bound; the bound of held-out rows decides which weights are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import torch
from torch import Tensor

from notmiwae.errors import DivergenceError
from notmiwae.model.bound import bound, log_weights
from notmiwae.model.not_miwae import NotMIWAE
from notmiwae.progress import Report, silent
from notmiwae.training.batched import BatchedModels
from notmiwae.training.checkpoint import Checkpoint
from notmiwae.training.recipe import TrainingSpec
from notmiwae.training.selection import CurvePoint, ModelProgress

Rows = tuple[Tensor, Tensor]
"""Standardised rows, zero where missing, and their mask: each `[N, D]`."""


class Trainer:
    """The training of a stack of models, each on rows of its own, as many as the others have.

    A model meets the batches and the noise that it would meet if it were trained alone.

    Arguments:
        models: Of one structure.
        rows: Each model's, on the device of the models; they aren't copied.
        training: How to train.
        seeds: Each model's.
        start: Number of the run, for the curves.
        checkpoint: Where its state is kept; it goes on from there if there is one.

    Attributes:
        everyone: Where each model stands, also those that are no longer trained.

    Raises:
        DataError: too few rows are left to hold some out.
    """

    def __init__(
        self,
        models: Sequence[NotMIWAE],
        rows: Sequence[Rows],
        training: TrainingSpec,
        seeds: Sequence[int],
        start: int,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        pairs = zip(rows, seeds, strict=True)
        self.everyone = [ModelProgress.begin(len(x), seed, training) for (x, _), seed in pairs]
        self._chosen = list(range(len(models)))
        self._checkpoint = checkpoint or Checkpoint(None)
        self._rows = list(rows)
        self._training = training
        self._start = start
        self._step = self._measured = 0
        self._stack = BatchedModels(models)
        self._kept = [matrix.detach().clone() for matrix in self._stack.matrices]
        self._batches: list[Tensor] = []
        self._rates = [training.learning_rate, training.missing_process_learning_rate]
        groups = [
            {"params": [matrix], "lr": rate}
            for matrix, rate in zip(self._stack.matrices, self._rates, strict=True)
        ]
        self._optimiser = torch.optim.Adam(groups, fused=True)
        if saved := self._checkpoint.read():
            self._resume(*saved)

    @property
    def progress(self) -> list[ModelProgress]:
        """Where each model stands that is still trained."""
        return [self.everyone[m] for m in self._chosen]

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
            if self._step % training.check_every == 0 or self._step >= training.steps:
                self._measured = self._step
                for m, reached in enumerate(bounds.tolist()):
                    if not self.progress[m].stopped:
                        self._measure(m, reached)
                latest = [each.curve[-1].validation_bound for each in self.progress]
                report(self._step, training.steps, sum(latest) / len(latest))
            if self._checkpoint.due():
                self._checkpoint.write(*self._state())

    def select(self, chosen: list[int]) -> None:
        """Go on with the `chosen` models alone, of those that there were at first."""
        places = [self._chosen.index(m) for m in chosen]
        self._chosen = chosen
        states = [self._optimiser.state[matrix] for matrix in self._stack.matrices]
        self._stack.select(places)
        for state in states:
            state |= {name: state[name][places] for name in ("exp_avg", "exp_avg_sq") if name in state}
        self._kept = [matrix[places] for matrix in self._kept]
        self._batches = [batch[places] for batch in self._batches]
        self._rows = [self._rows[m] for m in places]

    def finish(self) -> list[NotMIWAE]:
        """The models, each with the weights that were kept, in the processor's memory."""
        self._stack.load(self._kept)
        return [model.eval().cpu() for model in self._stack.models]

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the next steps hang on."""
        tensors = {f"batch.{place}": batch for place, batch in enumerate(self._batches)}
        for place, (matrix, kept) in enumerate(zip(self._stack.matrices, self._kept, strict=True)):
            tensors |= {f"weights.{place}": matrix, f"kept.{place}": kept}
            moments = self._optimiser.state[matrix].items()
            tensors |= {f"adam.{place}.{name}": values for name, values in moments}
        for m, each in enumerate(self.everyone):
            tensors |= {f"best.{m}": each.best, f"generator.{m}": each.generator.get_state()}
        progress = [
            {"best_step": each.best_step, "stopped": each.stopped, "curve": [*map(astuple, each.curve)]}
            for each in self.everyone
        ]
        plain = {"step": self._step, "measured": self._measured, "chosen": self._chosen, "progress": progress}
        return tensors, plain

    @torch.no_grad()
    def _resume(self, tensors: dict[str, Tensor], plain: dict[str, Any]) -> None:
        """The inverse of `_state`."""
        self.select(plain["chosen"])
        self._step, self._measured = plain["step"], plain["measured"]
        for m, (each, found) in enumerate(zip(self.everyone, plain["progress"], strict=True)):
            each.best, each.best_step = tensors[f"best.{m}"], found["best_step"]
            each.stopped, each.curve = found["stopped"], [CurvePoint(*point) for point in found["curve"]]
            each.generator.set_state(tensors[f"generator.{m}"])
        for place, (matrix, kept) in enumerate(zip(self._stack.matrices, self._kept, strict=True)):
            matrix.copy_(tensors[f"weights.{place}"])
            kept.copy_(tensors[f"kept.{place}"])
            head = f"adam.{place}."
            moments = {
                name.removeprefix(head): each for name, each in tensors.items() if name.startswith(head)
            }
            self._optimiser.state[matrix] = {name: each.to(matrix.device) for name, each in moments.items()}
        count = sum(name.startswith("batch.") for name in tensors)
        self._batches = [tensors[f"batch.{place}"] for place in range(count)]

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
