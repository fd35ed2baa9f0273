"""The Gaussian observation model."""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from typing_extensions import override

from notmiwae.model.distributions import Normal
from notmiwae.model.observation.observation_model import ScaledSpec, observations, raw


@observations.register("gaussian")
class GaussianSpec(ScaledSpec):
    """`p(x_j | z) = N(μ_j(z), σ_j²)` with learnt σ_j, the same for all z.

    Attributes:
        network_scale: Whether σ_j(z) depends on z, by a second output of the decoder for each feature. It
            overfits or collapses more readily than a constant σ_j; the floor is what holds it.
    """

    network_scale: bool = False

    @override
    def outputs(self, features: int) -> int:
        return 2 * features if self.network_scale else features

    @override
    def build(self, features: int) -> nn.Module:
        scales = 1 if self.shared_scale else features
        return GaussianObservation(scales, self.floor, self.initial_scale, self.network_scale)


class GaussianObservation(nn.Module):
    """A Gaussian of each feature, `forward(decoded) = N(decoded, σ²)` with `σ = floor + softplus(raw)`.

    Arguments:
        scales: Number of learnt σ: D, or 1 where shared.
        floor: Smallest σ.
        initial_scale: Scale σ before training.
        network_scale: Whether the second half of `decoded` is added to `raw`.
    """

    def __init__(self, scales: int, floor: float, initial_scale: float, network_scale: bool = False) -> None:
        super().__init__()
        self.floor = floor
        self.network_scale = network_scale
        self.raw_scale = nn.Parameter(torch.full((scales,), raw(initial_scale, floor)))

    def forward(self, decoded: Tensor) -> Normal:
        """Return p(x | z) for decoded means `[..., D]`, or means and raw scales `[..., 2 D]`."""
        if not self.network_scale:
            return Normal(decoded, self.floor + softplus(self.raw_scale))
        mean, raw_scale = decoded.chunk(2, -1)
        return Normal(mean, self.floor + softplus(self.raw_scale + raw_scale))
