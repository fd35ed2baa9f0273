"""The Bernoulli observation model, of features that are 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from notmiwae.model.distributions import Nodes, pick, weighted_sum
from notmiwae.model.noise import uniform
from notmiwae.model.observation.observation_model import ObservationSpec, observations


@observations.register("bernoulli")
class BernoulliSpec(ObservationSpec):
    """`p(x_j = 1 | z) = sigmoid(f_j(z))` for columns of 0 and 1; the imputation is the probability of a 1."""

    def levels(self, features: int) -> list[int]:
        """See `ObservationSpec.levels`."""
        return [2] * features

    def build(self, features: int) -> nn.Module:
        """See `ObservationSpec.build`."""
        return BernoulliObservation()


class BernoulliObservation(nn.Module):
    """`forward(logits)` is the `Bernoulli` distribution of them; see `BernoulliSpec`."""

    def forward(self, decoded: Tensor) -> Bernoulli:
        """p(x | z) for decoded logits `[..., D]`."""
        return Bernoulli(decoded)


@dataclass(frozen=True)
class Bernoulli:
    """Independent values of 0 and 1; a `Likelihood`.

    Attributes:
        logits: Any shape.
    """

    logits: Tensor

    @property
    def mean(self) -> Tensor:
        """See `Likelihood.mean`: the probability of a 1."""
        return self.logits.sigmoid()

    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        """See `Likelihood.log_prob`."""
        return (s * (x * self.logits - softplus(self.logits))).sum(-1)

    def score(self, x: Tensor, s: Tensor) -> Tensor:
        """See `Likelihood.score`: all of it."""
        return self.log_prob(x, s)

    def sample(self, generator: torch.Generator) -> Tensor:
        """See `Likelihood.sample`."""
        probability = self.logits.sigmoid()
        return (uniform(probability, generator) < probability).to(probability.dtype)

    def columns(self, index: Tensor) -> Bernoulli:
        """See `Likelihood.columns`."""
        return Bernoulli(self.logits.index_select(-1, index))

    def pick(self, chosen: Tensor) -> Bernoulli:
        """See `Likelihood.pick`."""
        return Bernoulli(pick(self.logits, chosen))

    def nodes(self, count: int) -> Nodes:
        """See `Likelihood.nodes`: 0 and 1."""
        values = torch.tensor([0.0, 1.0], dtype=self.logits.dtype, device=self.logits.device)
        log_weights = torch.stack([logsigmoid(-self.logits), logsigmoid(self.logits)])
        return Nodes(values.reshape(-1, *[1] * self.logits.dim()), log_weights)

    def estimate(self, values: Tensor, weights: Tensor) -> Tensor:
        """See `Likelihood.estimate`: the share of ones."""
        return (weights * values).sum(0)

    def average(self, alpha: Tensor) -> Tensor:
        """See `Likelihood.average`."""
        return weighted_sum(alpha, self.mean)
