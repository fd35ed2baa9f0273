"""The two things the model needs of a distribution: its log-density and its reparameterised samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Normal:
    """Independent Gaussians `N(mean, scale²)`.

    Leaner than `torch.distributions.Normal`, whose checks and broadcasting copies cost as much as the
    arithmetic at the sizes of a table.

    Attributes:
        mean: Any shape.
        scale: Standard deviations, broadcastable to `mean`.
    """

    mean: Tensor
    scale: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        """`log N(x; mean, scale²)`, elementwise."""
        return -0.5 * ((x - self.mean) / self.scale).square() - self.scale.log() - _HALF_LOG_TWO_PI

    def rsample(self, noise: Tensor) -> Tensor:
        """`mean + scale · noise`: a sample through which gradients flow."""
        return torch.addcmul(self.mean, self.scale, noise)

    def columns(self, index: Tensor) -> Normal:
        """The distribution of the features at `index` of the last axis."""
        scale = self.scale if self.scale.shape[-1] == 1 else self.scale.index_select(-1, index)
        return Normal(self.mean.index_select(-1, index), scale)


def pick(values: Tensor, chosen: Tensor) -> Tensor:
    """`values[chosen[m, b], b]` of samples `[K, B, …]`, for the chosen sample of each row `[M, B]`."""
    return values[chosen, torch.arange(values.shape[1])]


def standard_normal_log_prob(x: Tensor) -> Tensor:
    """`Σ_d log N(x_d; 0, 1)` over the last axis."""
    return -0.5 * x.square().sum(-1) - x.shape[-1] * _HALF_LOG_TWO_PI
