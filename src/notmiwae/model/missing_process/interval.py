"""Interval: values between two edges go missing."""

from torch import Tensor
from typing_extensions import override

from notmiwae.model.missing_process.edges import EdgeSpec, stacked
from notmiwae.model.missing_process.missing_process import Features, MissingProcess, processes
from notmiwae.model.missing_process.truncated_gaussian import Regions
from notmiwae.model.missing_process.two_edges import TwoEdgedProcess


@processes.register("interval")
class IntervalSpec(EdgeSpec):
    """`p(s_j = 0 | x_j) = Φ(a(x_j − l)) − Φ(a(x_j − u))`: values between l and u go missing."""

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        """Build a process whose edges are at first the ends of the widest gap between observed values."""
        gaps = [_gap(values) for values in self.observed(columns, x, s)]
        lower, upper = (stacked([gap[side] for gap in gaps], x) for side in (0, 1))
        return IntervalProcess(columns, self.initial_slope, lower, upper, self.marginal, self.imputed_mean)


def _gap(values: Tensor) -> tuple[Tensor, Tensor]:
    """Find the ends of the widest gap in the middle 90 % of sorted values, or more where it's narrow."""
    spread = values.std(correction=0)
    trimmed = round(0.05 * len(values))
    middle = values[trimmed : len(values) - trimmed]
    lower = upper = middle[len(middle) // 2]
    if len(middle) > 1:
        widest = middle.diff().argmax()
        lower, upper = middle[widest], middle[widest + 1]
    # A blurred interval leaves no clear gap, and edges that are close together have no gradient at first.
    wider = (0.25 * spread - (upper - lower) / 2).clamp_min(0.0)
    return lower - wider, upper + wider


class IntervalProcess(TwoEdgedProcess):
    """A process in which values between the edges l and u go missing."""

    direction = "inside"
    log_missing = TwoEdgedProcess.log_inside
    log_observed = TwoEdgedProcess.log_outside

    @override
    def regions(self) -> Regions:
        half_width = self.log_half_width.exp()
        shape = (1, len(self.columns))
        slopes, edges, widths = self.log_slope.exp(), self.centre - half_width, 2.0 * half_width
        return Regions(slopes.expand(shape), edges.expand(shape), widths.expand(shape))
