"""Observation models p(x | z): what the decoder's outputs mean."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from notmiwae.model.distributions import Normal
from notmiwae.params import Registry, Spec


class ObservationSpec(Spec):
    """How an observation model is built for a table of D features."""

    def build(self, features: int) -> nn.Module:
        """A module whose `forward(decoded)` returns p(x | z)."""
        raise NotImplementedError


observations: Registry[ObservationSpec] = Registry("observation model")


@observations.register("gaussian")
class Gaussian(ObservationSpec):
    """`p(x_j | z) = N(μ_j(z), σ_j²)` with learnt σ_j, the same for all z.

    A σ that depends on z overfits or collapses without a floor (METHOD.md §2); a constant one doesn't.

    Attributes:
        shared_scale: One σ for all features (as in PPCA) instead of one each.
        floor: Smallest σ, in units of the standardised features.
        initial_scale: σ before training.
    """

    shared_scale: bool = False
    floor: Annotated[float, Field(gt=0)] = 0.01
    initial_scale: Annotated[float, Field(gt=0)] = 0.5

    def build(self, features: int) -> nn.Module:
        """See `ObservationSpec.build`."""
        return GaussianObservation(1 if self.shared_scale else features, self.floor, self.initial_scale)


class GaussianObservation(nn.Module):
    """`forward(decoded)` is `N(decoded, σ²)`, `σ = floor + softplus(raw)`; see `Gaussian`."""

    def __init__(self, scales: int, floor: float, initial_scale: float) -> None:
        super().__init__()
        self.floor = floor
        above = max(initial_scale - floor, 1e-3)
        self.raw_scale = nn.Parameter(torch.full((scales,), math.log(math.expm1(above))))

    def forward(self, decoded: Tensor) -> Normal:
        """p(x | z) for decoded means `[..., D]`."""
        return Normal(decoded, self.floor + softplus(self.raw_scale))
