"""Mixtures of Gaussians that all features share: for pixels, of which most are black or white."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Self

import torch
from pydantic import Field, FiniteFloat, model_validator
from torch import Tensor, nn
from torch.nn.functional import softplus
from typing_extensions import override

from notmiwae.model.distributions import (
    HALF_LOG_TWO_PI,
    GaussianScaleMixture,
    Likelihood,
    Nodes,
    Normal,
    over,
)
from notmiwae.model.noise import normal, uniform
from notmiwae.model.observation.observation_model import ObservationSpec, observations, raw

_PERIOD = 64.0
"""Standard deviations from the quadrature of one component to the next: more than either reaches."""


@observations.register("gaussian_mixture")
class GaussianMixtureSpec(ObservationSpec):
    """`p(x_j | z) = Σ_g π_jg(z) N(x_j; μ_g, σ_g²)`: z chooses among G components that all features share.

    What is certain of a pixel is a matter of logits, as in a classification, so that a sharp component
    doesn't drown the rest of the gradient; and a pixel that may be black or white has both modes, where a
    Gaussian would lie between them and take being missing, if both extremes go missing, as improbable.

    Attributes:
        components: Number of components, G.
        first: Mean μ_1 of the first component before training; the other means are evenly spaced from it.
        last: Mean μ_G of the last component before training.
        floor: Smallest σ_g.
        initial_scale: Scales σ_g before training.
    """

    components: Annotated[int, Field(ge=2)] = 3
    first: FiniteFloat = -1.0
    last: FiniteFloat = 1.0
    floor: Annotated[float, Field(gt=0)] = 0.05
    initial_scale: Annotated[float, Field(gt=0)] = 0.4

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first >= self.last:
            raise ValueError(f"first ({self.first:g}) must be less than last ({self.last:g})")
        return self

    @override
    def outputs(self, features: int) -> int:
        """Count G logits a feature."""
        return self.components * features

    @override
    def build(self, features: int) -> nn.Module:
        return GaussianMixtureObservation(self)


class GaussianMixtureObservation(nn.Module):
    """A mixture of each feature, of Gaussians with learnt means μ_g and scales σ_g that features share."""

    def __init__(self, spec: GaussianMixtureSpec) -> None:
        super().__init__()
        self.floor = spec.floor
        self.means = nn.Parameter(torch.linspace(spec.first, spec.last, spec.components))
        raw_scale = raw(spec.initial_scale, spec.floor)
        self.raw_scales = nn.Parameter(torch.full((spec.components,), raw_scale))

    def forward(self, decoded: Tensor) -> GaussianMixture:
        """Return p(x | z) for logits `[..., G D]`, those of a component for all features side by side."""
        logits = decoded.reshape(*decoded.shape[:-1], len(self.means), -1).movedim(-2, 0)
        return GaussianMixture(logits.log_softmax(0), self.means, self.floor + softplus(self.raw_scales))


@dataclass(frozen=True)
class GaussianMixture(GaussianScaleMixture, Likelihood):
    """Independent mixtures of G Gaussians.

    Attributes:
        log_shares: Logarithms of the components' shares π, `[G, ..., D]`.
        means: Means μ of the components, `[G]`.
        scales: Standard deviations σ of the components, `[G]`.
    """

    log_shares: Tensor
    means: Tensor
    scales: Tensor

    def _over(self, values: Tensor) -> Tensor:
        return over(values, self.log_shares[0])

    @property
    @override
    def mean(self) -> Tensor:
        return (self.log_shares.exp() * self._over(self.means)).sum(0)

    @override
    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        # The components' densities don't depend on z, so they are computed once for all samples.
        means, scales = (over(values, x) for values in (self.means, self.scales))
        log_density = -0.5 * ((x - means) / scales).square() - scales.log() - HALF_LOG_TWO_PI
        if log_density.dim() < self.log_shares.dim():
            log_density = log_density.unsqueeze(1)
        return ((self.log_shares + log_density).logsumexp(0) * s).sum(-1)

    @torch.no_grad()  # the choice of a component has none
    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        shares = self.log_shares.double().softmax(0).cumsum(0)[:-1]
        which = (uniform(shares[0], generator) > shares).sum(0)
        noise = normal(self.log_shares[0], generator)
        return torch.addcmul(self.means[which], self.scales[which], noise)

    @override
    def columns(self, index: Tensor) -> GaussianMixture:
        return replace(self, log_shares=self.log_shares.index_select(-1, index))

    @override
    def pick(self, chosen: Tensor) -> GaussianMixture:
        rows = torch.arange(chosen.shape[1], device=chosen.device)
        return replace(self, log_shares=self.log_shares[:, chosen, rows])

    @override
    def nodes(self, count: int) -> Nodes:
        """Take a trapezoidal rule for each component, one behind the other."""
        rule = Normal(torch.zeros_like(self.means[0]), torch.ones_like(self.means[0])).nodes(count)
        centres = _PERIOD * torch.arange(len(self.means), device=self.means.device)
        places = (centres[:, None] + rule.values).flatten()
        log_weights = self.log_shares[:, None] + over(rule.log_weights, self.log_shares[0])
        return Nodes(over(self._at(places), self.log_shares[0]), log_weights.flatten(0, 1), places, self._at)

    def _at(self, places: Tensor) -> Tensor:
        which = (places / _PERIOD).round().long().clamp(0, len(self.means) - 1)
        return self.means[which] + self.scales[which] * (places - _PERIOD * which)

    @override
    def gaussians(self, distance: Callable[[Tensor], Tensor]) -> tuple[Tensor, Normal]:
        """Return the components, on an axis before that of the edges."""
        return self.log_shares[:, None], Normal(
            self._over(self.means)[:, None], self._over(self.scales)[:, None]
        )
