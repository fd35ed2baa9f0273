"""The training loop: stochastic ascent of the ELBO, of which held-out rows decide what is kept."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from notmiwae.errors import DivergenceError
from notmiwae.model.bound import LogWeightTerms, iwae_bound
from notmiwae.model.not_miwae import NotMIWAE
from notmiwae.progress import Report, silent
from notmiwae.training.batched import BatchedModels
from notmiwae.training.checkpoint import Checkpoint
from notmiwae.training.minibatches import Minibatches, Rows
from notmiwae.training.optimiser import Optimiser
from notmiwae.training.recipe import TrainingSpec
from notmiwae.training.selection import ModelProgress


class Trainer:
    """The training of models that are computed as one, each on rows of its own, as many as the others have.

    A model meets the batches and the noise that it would meet if it were trained alone.

    Arguments:
        models: Models to train together; all have the same architecture.
        tables: Rows of each model, on the device of the models; they aren't copied.
        training: How to train.
        seeds: Seed of each model.
        run: Number of the run, for the curves.
        checkpoint: File with the state of the training; where it holds one, training goes on from there.
        folds: Numbers of the rows that each model isn't trained on; None: a share of them, at random.

    Attributes:
        progress: State of each model's training, also of those that are no longer trained.

    Raises:
        DataError: too few rows are left to hold some out.
    """

    def __init__(
        self,
        models: Sequence[NotMIWAE],
        tables: Sequence[Rows],
        training: TrainingSpec,
        seeds: Sequence[int],
        run: int,
        checkpoint: Checkpoint | None = None,
        folds: Sequence[Tensor | None] | None = None,
    ) -> None:
        own = zip(tables, seeds, folds or [None] * len(tables), strict=True)
        self.progress = [ModelProgress.begin(len(rows[0]), seed, training, fold) for rows, seed, fold in own]
        self._training = training
        self._run = run
        self._step = self._measured = 0
        self._going = list(range(len(models)))
        self._models = BatchedModels(models)
        self._kept = [matrix.detach().clone() for matrix in self._models.matrices]
        self._batches = Minibatches(tables, self.progress, training.batch_size)
        self._optimiser = Optimiser(self._models, training)
        self._checkpoint = checkpoint or Checkpoint(None)
        if saved := self._checkpoint.read():
            self._restore(*saved)

    @property
    def going(self) -> list[ModelProgress]:
        """States of the trainings that go on."""
        return [self.progress[r] for r in self._going]

    def train(self, until: int, report: Report = silent) -> None:
        """Train to the first measurement at step `until` or later, or until all models have stopped.

        Arguments:
            until: Number of the step, from 1.
            report: Function called with step, steps, mean held-out ELBO.

        Raises:
            DivergenceError: an ELBO became non-finite.
        """
        training = self._training
        # At least once: before a measurement there is nothing to choose by.
        while self._measured < max(until, 1) and not all(model.stopped for model in self.going):
            self._step += 1
            generators = [model.generator for model in self.going]
            terms = self._models.terms(self._batches.next(), training.samples, generators)
            log_weights = terms.log_weights(ignorable=self._step <= training.warm_start)
            elbos = iwae_bound(log_weights.transpose(0, 1)).mean(-1)
            self._require_finite(elbos, terms)
            # A row's share of what is known before there are rows.
            prior = self._models.log_prior() / len(self.progress[0].rows)
            self._optimiser.ascend(elbos + prior, self._step)
            if self._step % training.check_every == 0 or self._step >= training.steps:
                self._measure(elbos.tolist())
                latest = [model.curve[-1].validation_bound for model in self.going]
                report(self._step, training.steps, sum(latest) / len(latest))
            if self._checkpoint.due():
                self._checkpoint.write(*self._state())

    @torch.no_grad()
    def _measure(self, batch_elbos: list[float]) -> None:
        """Measure each model's ELBO on its held-out rows, and keep its weights if they are good enough."""
        self._measured = self._step
        for r, model in enumerate(self.going):
            if model.stopped:
                continue
            # The same noise each time, so that a difference is due to the weights.
            noise = torch.Generator().manual_seed(model.seed)
            held_out_rows = self._batches.held_out(r)
            terms = self._models.terms_of(r, held_out_rows, self._training.validation_samples, noise)
            held_out = iwae_bound(terms.log_weights()).cpu()
            if not torch.isfinite(held_out).all():
                raise self._diverged(terms)
            if model.record(self._run, self._step, batch_elbos[r], held_out, self._training):
                for kept, matrix in zip(self._kept, self._models.matrices, strict=True):
                    kept[r] = matrix[r]

    def select(self, models: Sequence[int]) -> None:
        """Go on with these models alone, by their numbers at the beginning."""
        places = [self._going.index(r) for r in models]
        self._going = list(models)
        self._optimiser.select(places)
        self._batches.select(places)
        self._kept = [matrix[places] for matrix in self._kept]

    def finish(self) -> list[NotMIWAE]:
        """Give the models the weights that were kept, in the processor's memory."""
        self._models.load(self._kept)
        return [model.eval().cpu() for model in self._models.models]

    def _require_finite(self, elbos: Tensor, terms: LogWeightTerms) -> None:
        """Raise `DivergenceError` if the ELBO of a model that hasn't stopped isn't finite."""
        if torch.isfinite(elbos).all():
            return
        going = [r for r, model in enumerate(self.going) if not model.stopped]
        if not torch.isfinite(elbos[going]).all():
            raise self._diverged(LogWeightTerms(*(term[going] for term in terms)))

    def _diverged(self, terms: LogWeightTerms) -> DivergenceError:
        return DivergenceError(
            f"the bound isn't finite at step {self._step}; not finite: "
            f"{', '.join(terms.not_finite()) or 'none of its terms alone'}. "
            "Lower learning_rate or raise the observation model's floor"
        )

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return everything that the next steps depend on: tensors, and what JSON can hold."""
        tensors = self._optimiser.state() | self._batches.state()
        tensors |= {f"kept.{place}": kept for place, kept in enumerate(self._kept)}
        for r, model in enumerate(self.progress):
            tensors |= {f"best.{r}": model.best, f"generator.{r}": model.generator.get_state()}
        progress = [model.state() for model in self.progress]
        plain = {"step": self._step, "measured": self._measured, "going": self._going, "progress": progress}
        return tensors, plain

    @torch.no_grad()
    def _restore(self, tensors: dict[str, Tensor], plain: dict[str, Any]) -> None:
        """Go on from a checkpoint; the inverse of `_state`."""
        self.select(plain["going"])
        self._step, self._measured = plain["step"], plain["measured"]
        for r, (model, saved) in enumerate(zip(self.progress, plain["progress"], strict=True)):
            model.restore(saved, tensors[f"best.{r}"], tensors[f"generator.{r}"])
        self._optimiser.restore(tensors)
        self._batches.restore(tensors)
        for place, kept in enumerate(self._kept):
            kept.copy_(tensors[f"kept.{place}"])
