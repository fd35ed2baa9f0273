"""The Bernoulli observation model, of features that are 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus
from typing_extensions import override

from notmiwae.model.distributions import Likelihood, Nodes, pick
from notmiwae.model.noise import uniform
from notmiwae.model.observation.observation_model import ObservationSpec, observations


@observations.register("bernoulli")
class BernoulliSpec(ObservationSpec):
    """`p(x_j = 1 | z) = sigmoid(f_j(z))` for columns of 0 and 1; the imputation is the probability of a 1."""

    @override
    def levels(self, features: int) -> list[int]:
        return [2] * features

    @override
    def build(self, features: int) -> nn.Module:
        return BernoulliObservation()


class BernoulliObservation(nn.Module):
    """A Bernoulli distribution of each feature; nothing is learnt beside the decoder."""

    def forward(self, decoded: Tensor) -> Bernoulli:
        """Return p(x | z) for decoded logits `[..., D]`."""
        return Bernoulli(decoded)


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Independent values of 0 and 1.

    Attributes:
        logits: Logits of a 1, of any shape.
    """

    logits: Tensor

    @property
    @override
    def mean(self) -> Tensor:
        """Probability of a 1."""
        return self.logits.sigmoid()

    @override
    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        return (s * (x * self.logits - softplus(self.logits))).sum(-1)

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        probability = self.logits.sigmoid()
        return (uniform(probability, generator) < probability).to(probability.dtype)

    @override
    def columns(self, index: Tensor) -> Bernoulli:
        return Bernoulli(self.logits.index_select(-1, index))

    @override
    def pick(self, chosen: Tensor) -> Bernoulli:
        return Bernoulli(pick(self.logits, chosen))

    @override
    def nodes(self, count: int) -> Nodes:
        values = torch.tensor([0.0, 1.0], dtype=self.logits.dtype, device=self.logits.device)
        log_weights = torch.stack([logsigmoid(-self.logits), logsigmoid(self.logits)])
        return Nodes(values.reshape(-1, *[1] * self.logits.dim()), log_weights)
