"""Adam on the ELBO: one step size for the networks, one for the missing process."""

from collections.abc import Sequence

import torch
from torch import Tensor

from notmiwae.training.batched import BatchedModels
from notmiwae.training.recipe import TrainingSpec

_MOMENTS = ("exp_avg", "exp_avg_sq")


class Optimiser:
    """Ascent of the ELBO of models that are computed as one.

    Arguments:
        models: Models whose parameters change.
        training: How the models are trained.

    Attributes:
        adam: Adam of torch, on both matrices of parameters.
    """

    def __init__(self, models: BatchedModels, training: TrainingSpec) -> None:
        self._models = models
        self._training = training
        self._rates = [training.learning_rate, training.missing_process_learning_rate]
        pairs = zip(models.matrices, self._rates, strict=True)
        groups = [{"params": [matrix], "lr": rate} for matrix, rate in pairs]
        self.adam = torch.optim.Adam(groups, fused=True)

    def ascend(self, elbos: Tensor, step: int) -> None:
        """Take a step up the models' ELBOs, `[R]`, and keep parameters within their limits."""
        training = self._training
        left = (training.steps - step + 1) / max(training.decay * training.steps, 1.0)
        for group, rate in zip(self.adam.param_groups, self._rates, strict=True):
            group["lr"] = rate * min(1.0, left)
        self.adam.zero_grad()
        (-elbos.sum()).backward()  # type: ignore[no-untyped-call]
        if training.gradient_clip:
            self._clip(training.gradient_clip)
        self.adam.step()
        self._models.limit()

    def _clip(self, longest: float) -> None:
        """Shorten each model's gradient to the norm `longest` where it is longer."""
        gradients = [matrix.grad for matrix in self._models.matrices if matrix.grad is not None]
        norms = torch.stack([gradient.square().sum(-1) for gradient in gradients]).sum(0).sqrt()
        for gradient in gradients:
            gradient.mul_((longest / (norms + 1e-6)).clamp(max=1.0)[:, None])

    def select(self, places: Sequence[int]) -> None:
        """Go on with the models at these `places` alone, here and in `models`."""
        states = [self.adam.state[matrix] for matrix in self._models.matrices]
        self._models.select(list(places))
        for state in states:
            state |= {name: state[name][list(places)] for name in _MOMENTS if name in state}

    def state(self) -> dict[str, Tensor]:
        """Return the parameters and Adam's moments, for a checkpoint."""
        tensors: dict[str, Tensor] = {}
        for place, matrix in enumerate(self._models.matrices):
            tensors[f"weights.{place}"] = matrix
            moments = self.adam.state[matrix].items()
            tensors |= {f"adam.{place}.{name}": values for name, values in moments}
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over parameters and moments; the inverse of `state`."""
        for place, matrix in enumerate(self._models.matrices):
            matrix.copy_(tensors[f"weights.{place}"])
            head = f"adam.{place}."
            self.adam.state[matrix] = {
                name.removeprefix(head): values.to(matrix.device)
                for name, values in tensors.items()
                if name.startswith(head)
            }
