"""What the missing processes with two edges a feature share."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from notmiwae.model.missing_process.edges import EdgeProcess, described
from notmiwae.model.missing_process.separable import ImputedMean, Marginal
from notmiwae.model.missing_process.truncated_gaussian import log_interval, log_ndtr


class TwoEdgedProcess(EdgeProcess):
    """Base of the processes with two edges l < u and a slope a > 0 a feature.

    Arguments:
        columns: Indices of the features that can be missing, `[C]`.
        slope: Slope a before training.
        lower: Lower edges l before training, `[C]`, or `[1]` where shared.
        upper: Upper edges u before training, `[C]`, or `[1]` where shared.
        marginal: How x_m is integrated over, `exact` or `sampled`.
        imputed_mean: What is imputed, E[x_m | z, s] (`truncated`) or E[x_m | z] (`decoder`).
    """

    direction: str

    def __init__(
        self,
        columns: Tensor,
        slope: float,
        lower: Tensor,
        upper: Tensor,
        marginal: Marginal = "exact",
        imputed_mean: ImputedMean = "truncated",
    ) -> None:
        super().__init__(columns, marginal, imputed_mean)
        self.log_slope = nn.Parameter(torch.full_like(lower, math.log(slope)))
        self.centre = nn.Parameter((lower + upper) / 2)
        # The half width stays positive, so that the probabilities of the two sides never exceed one.
        self.log_half_width = nn.Parameter(((upper - lower) / 2).clamp_min(1e-3).log())

    def log_inside(self, x: Tensor) -> Tensor:
        """Compute `log [Φ(a(x − l)) − Φ(a(x − u))]`."""
        slope, half_width = self.log_slope.exp(), self.log_half_width.exp()
        return log_interval(slope * (x - self.centre + half_width), 2.0 * slope * half_width)

    def log_outside(self, x: Tensor) -> Tensor:
        """Compute `log [Φ(a(l − x)) + Φ(a(x − u))]`."""
        slope, half_width = self.log_slope.exp(), self.log_half_width.exp()
        offset = x - self.centre
        below, above = -slope * (offset + half_width), slope * (offset - half_width)
        return torch.logaddexp(log_ndtr(below), log_ndtr(above))

    @override
    def learnt(self) -> list[dict[str, Any]]:
        """Report `direction`, `slope` a, and `midpoints` [l, u] of each column."""
        half_width = self.log_half_width.exp()
        midpoints = torch.stack([self.centre - half_width, self.centre + half_width])
        return described(self.columns, self.direction, self.log_slope.exp(), midpoints)
