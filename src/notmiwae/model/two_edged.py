"""Missing processes with two edges a feature: values outside an interval go missing, or those in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from notmiwae.model.missing import MissingProcess, processes
from notmiwae.model.probit import EdgeProcess, EdgeSpec, described, stacked
from notmiwae.model.separable import ImputedMean, Marginal
from notmiwae.model.truncation import Regions, log_interval, log_ndtr


class TwoEdgedProcess(EdgeProcess):
    """Two edges l < u a feature, one slope a > 0; see `TwoSided` and `Interval`.

    Arguments:
        columns: See `MissingProcess`.
        slope: a before training.
        lower: l before training.
        upper: u before training.
        marginal: See `SeparableProcess`.
        imputed_mean: See `SeparableProcess`.
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

    def _log_inside(self, x: Tensor) -> Tensor:
        """`log [Φ(a(x − l)) − Φ(a(x − u))]`."""
        slope, half_width = self.log_slope.exp(), self.log_half_width.exp()
        return log_interval(slope * (x - self.centre + half_width), 2.0 * slope * half_width)

    def _log_outside(self, x: Tensor) -> Tensor:
        """`log [Φ(a(l − x)) + Φ(a(x − u))]`."""
        slope, half_width = self.log_slope.exp(), self.log_half_width.exp()
        offset = x - self.centre
        below, above = -slope * (offset + half_width), slope * (offset - half_width)
        return torch.logaddexp(log_ndtr(below), log_ndtr(above))

    def learnt(self) -> list[dict[str, Any]]:
        """See `MissingProcess.learnt`: `direction`, `slope` a, and `midpoints` [l, u]."""
        half_width = self.log_half_width.exp()
        midpoints = torch.stack([self.centre - half_width, self.centre + half_width])
        return described(self.columns, self.direction, self.log_slope.exp(), midpoints)


@processes.register("two_sided")
class TwoSided(EdgeSpec):
    """`p(s_j = 0 | x_j) = Φ(a(l − x_j)) + Φ(a(x_j − u))`: values outside [l, u] go missing."""

    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """See `ProcessSpec.build`; the edges start at the edges of what was observed."""
        lower, upper = (self.start(columns, x, s, quantile) for quantile in (0.05, 0.95))
        return TwoSidedProcess(columns, self.initial_slope, lower, upper, self.marginal, self.imputed_mean)


class TwoSidedProcess(TwoEdgedProcess):
    """Missing outside two edges; see `TwoSided`."""

    direction = "outside"

    def regions(self) -> Regions:
        """See `EdgeProcess.regions`."""
        slope, half_width = self.log_slope.exp(), self.log_half_width.exp()
        shape = (2, len(self.columns))
        slopes = torch.stack([-slope, slope])
        edges = torch.stack([self.centre - half_width, self.centre + half_width])
        return Regions(slopes.expand(shape), edges.expand(shape))

    def log_missing(self, x: Tensor) -> Tensor:
        """See `SeparableProcess.log_missing`."""
        return self._log_outside(x)

    def log_observed(self, x: Tensor) -> Tensor:
        """See `SeparableProcess.log_observed`."""
        return self._log_inside(x)


@processes.register("interval")
class Interval(EdgeSpec):
    """`p(s_j = 0 | x_j) = Φ(a(x_j − l)) − Φ(a(x_j − u))`: values between l and u go missing."""

    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """See `ProcessSpec.build`; the edges start at those of the widest gap between observed values."""
        gaps = [_gap(values) for values in self.cells(columns, x, s)]
        lower, upper = (stacked([gap[side] for gap in gaps], x) for side in (0, 1))
        return IntervalProcess(columns, self.initial_slope, lower, upper, self.marginal, self.imputed_mean)


def _gap(values: Tensor) -> tuple[Tensor, Tensor]:
    """The ends of the widest gap in the middle nine tenths of sorted values, or more where it's narrow."""
    spread = values.std(correction=0)
    trimmed = round(0.05 * len(values))
    middle = values[trimmed : len(values) - trimmed]
    lower = upper = middle[len(middle) // 2]
    if len(middle) > 1:
        widest = middle.diff().argmax()
        lower, upper = middle[widest], middle[widest + 1]
    # A blurred interval leaves no clear gap, and edges that are close together start with no gradient.
    wider = (0.25 * spread - (upper - lower) / 2).clamp_min(0.0)
    return lower - wider, upper + wider


class IntervalProcess(TwoEdgedProcess):
    """Missing between two edges; see `Interval`."""

    direction = "inside"

    def regions(self) -> Regions:
        """See `EdgeProcess.regions`."""
        half_width = self.log_half_width.exp()
        shape = (1, len(self.columns))
        slopes, edges, widths = self.log_slope.exp(), self.centre - half_width, 2.0 * half_width
        return Regions(slopes.expand(shape), edges.expand(shape), widths.expand(shape))

    def log_missing(self, x: Tensor) -> Tensor:
        """See `SeparableProcess.log_missing`."""
        return self._log_inside(x)

    def log_observed(self, x: Tensor) -> Tensor:
        """See `SeparableProcess.log_observed`."""
        return self._log_outside(x)
