"""What the model needs of a distribution: its log-density and its reparameterised samples.

A training step at the size of a table is a few dozen small kernels, and each costs more than its arithmetic;
so densities are summed in the fewest kernels, with what doesn't depend on z taken out of the K samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Normal:
    """Independent Gaussians `N(mean, scale²)`.

    Attributes:
        mean: Any shape.
        scale: Standard deviations, broadcastable to `mean`.
    """

    mean: Tensor
    scale: Tensor

    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        """`Σ_j s_j log N(x_j; mean_j, scale_j²)` over the last axis: the observed features' log-density.

        Arguments:
            x: Values, `[B, D]`, for means `[K, B, D]`.
            s: Mask, `[B, D]`, 1 where observed.
        """
        residual = (x - self.mean) * (s / self.scale)
        constant = (s * (self.scale.log() + _HALF_LOG_TWO_PI)).sum(-1)
        return residual.square().sum(-1).mul(-0.5) - constant

    def rsample(self, noise: Tensor) -> Tensor:
        """`mean + scale · noise`: a sample through which gradients flow."""
        return torch.addcmul(self.mean, self.scale, noise)

    def log_prob_of(self, noise: Tensor) -> Tensor:
        """`Σ_j log N(x_j; mean_j, scale_j²)` at `x = rsample(noise)`, where it needs no x."""
        constant = (self.scale.log() + _HALF_LOG_TWO_PI).sum(-1)
        return noise.square().sum(-1).mul(-0.5) - constant

    def columns(self, index: Tensor) -> Normal:
        """The distribution of the features at `index` of the last axis."""
        scale = self.scale if self.scale.shape[-1] == 1 else self.scale.index_select(-1, index)
        return Normal(self.mean.index_select(-1, index), scale)


def pick(values: Tensor, chosen: Tensor) -> Tensor:
    """`values[chosen[m, b], b]` of samples `[K, B, …]`, for the chosen sample of each row `[M, B]`."""
    return values[chosen, torch.arange(values.shape[1])]


def standard_normal_log_prob(x: Tensor) -> Tensor:
    """`Σ_d log N(x_d; 0, 1)` over the last axis."""
    return x.square().sum(-1).mul(-0.5) - x.shape[-1] * _HALF_LOG_TWO_PI
