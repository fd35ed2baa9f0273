"""The Student-t observation model: Gaussians with a latent scale, whose heavy tails tolerate outliers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus
from typing_extensions import override

from notmiwae.model.distributions import (
    GaussianScaleMixture,
    Likelihood,
    Nodes,
    Normal,
    features_at,
    over,
    pick,
    places_between,
)
from notmiwae.model.noise import normal, standard_gamma
from notmiwae.model.observation.observation_model import ScaledSpec, observations, raw

_SCALES = 40
"""Components of the mixture over scales; a logistic link has twelve for each of these."""
_DEPTH = 12.0
"""The mixture ends where the density of log λ has fallen by a factor exp(−12)."""
_REACH = 13.0
"""Where the quadrature ends, in asinh of the standardised value: at the least ν no moment is left beyond."""


@observations.register("student_t")
class StudentTSpec(ScaledSpec):
    """`p(x_j | z) = t_ν(μ_j(z), σ_j)` with learnt σ_j and degrees of freedom ν_j, the same for all z.

    Attributes:
        degrees_floor: Smallest ν; above 2 the variance is finite.
        initial_degrees: Degrees of freedom ν before training.
    """

    degrees_floor: Annotated[float, Field(gt=2)] = 2.5
    initial_degrees: Annotated[float, Field(gt=2)] = 10.0

    @override
    def build(self, features: int) -> nn.Module:
        return StudentTObservation(1 if self.shared_scale else features, self)


class StudentTObservation(nn.Module):
    """A t distribution of each feature, `t_ν(decoded, σ)`; σ and ν are a floor plus a softplus."""

    def __init__(self, scales: int, spec: StudentTSpec) -> None:
        super().__init__()
        self.floor, self.degrees_floor = spec.floor, spec.degrees_floor
        self.raw_scale = nn.Parameter(torch.full((scales,), raw(spec.initial_scale, spec.floor)))
        self.raw_degrees = nn.Parameter(torch.full((scales,), raw(spec.initial_degrees, spec.degrees_floor)))

    def forward(self, decoded: Tensor) -> StudentT:
        """Return p(x | z) for decoded locations `[..., D]`."""
        scale = self.floor + softplus(self.raw_scale)
        return StudentT(decoded, scale, self.degrees_floor + softplus(self.raw_degrees))


@dataclass(frozen=True)
class StudentT(GaussianScaleMixture, Likelihood):
    """Independent `t_ν(mean, scale)`, Gaussian given a latent scale.

    `x = mean + scale · g / √λ` with g standard normal and λ ~ Gamma(ν/2, rate ν/2).

    Attributes:
        mean: Locations, of any shape.
        scale: Scales, broadcastable to `mean`.
        degrees: Degrees of freedom ν, broadcastable to `mean`.
    """

    mean: Tensor
    scale: Tensor
    degrees: Tensor

    @override
    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        tail = torch.log1p(((x - self.mean) / self.scale).square() / self.degrees)
        constant = s * (self._log_height() - self.scale.log())
        return constant.sum(-1) - (s * (0.5 * (self.degrees + 1.0)) * tail).sum(-1)

    def _log_height(self) -> Tensor:
        """Compute the logarithm of the density at 0 of a unit scale."""
        half = 0.5 * self.degrees
        return torch.lgamma(half + 0.5) - torch.lgamma(half) - 0.5 * (self.degrees * math.pi).log()

    @override
    def score(self, x: Tensor, s: Tensor) -> float:
        return 0.0

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        # A sum, not an expansion: under `torch.vmap` noise is drawn for what has an axis of models or rows,
        # and the degrees alone may have none.
        half = 0.5 * self.degrees + torch.zeros_like(self.mean)
        # A precision of nothing would be a value of infinity.
        precision = (standard_gamma(half, generator) / half).clamp_min(1e-12)
        return torch.addcmul(self.mean, self.scale, normal(self.mean, generator) * precision.rsqrt())

    @override
    def columns(self, index: Tensor) -> StudentT:
        scale, degrees = features_at(self.scale, index), features_at(self.degrees, index)
        return StudentT(self.mean.index_select(-1, index), scale, degrees)

    @override
    def pick(self, chosen: Tensor) -> StudentT:
        return replace(self, mean=pick(self.mean, chosen))

    @override
    def nodes(self, count: int) -> Nodes:
        """Take the trapezoidal rule in v, `x = mean + scale · sinh v`, for the tails."""
        count = 4 * count  # far out the values stand far apart
        places = places_between(-_REACH, _REACH, count, self.mean)
        v = over(places, self.mean)
        density = self._log_height() - 0.5 * (self.degrees + 1.0) * (v.sinh().square() / self.degrees).log1p()
        log_weights = density + v.cosh().log() + math.log(2.0 * _REACH / (count - 1))
        return Nodes(self._at(v), log_weights, places, self._at)

    def _at(self, places: Tensor) -> Tensor:
        return self.mean + self.scale * places.sinh()

    @override
    def gaussians(self, distance: Callable[[Tensor], Tensor]) -> tuple[Tensor | None, Normal]:
        """Take the trapezoidal rule in `u = log λ`.

        u has the density `exp(ν/2 (u − e^u))`, up to a constant; given that x lies d scales away, u has the
        same density shifted by `log((ν + 1) / (ν + d²))`, so the rule reaches that much further down.
        The nodes themselves move with ν and d, but the integral doesn't depend on them: no gradient.
        """
        degrees = self.degrees
        with torch.no_grad():
            fallen = 2.0 * _DEPTH / degrees  # e^u − 1 − u at either end, and bounds for these ends:
            width = fallen + (2.0 * fallen).sqrt()
            last = width.log1p()
            away = distance(self.mean) / self.scale
            length = last + width + (away.square() / degrees).log1p()
            steps = over(places_between(0.0, 1.0, _SCALES, degrees), away)
            u = last - length * steps
            log_step = (length / (_SCALES - 1)).log()
        half = 0.5 * degrees
        log_weights = half * (half.log() + u - u.exp()) - torch.lgamma(half) + log_step
        return log_weights, Normal(self.mean, self.scale * (-0.5 * u).exp())
