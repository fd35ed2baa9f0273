"""Two-sided: values outside two edges go missing."""

import torch
from torch import Tensor
from typing_extensions import override

from notmiwae.model.missing_process.edges import EdgeSpec
from notmiwae.model.missing_process.missing_process import Features, MissingProcess, processes
from notmiwae.model.missing_process.truncated_gaussian import Regions
from notmiwae.model.missing_process.two_edges import TwoEdgedProcess


@processes.register("two_sided")
class TwoSidedSpec(EdgeSpec):
    """`p(s_j = 0 | x_j) = Φ(a(l − x_j)) + Φ(a(x_j − u))`: values outside [l, u] go missing."""

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        """Build a process whose edges are at first the 5 % and 95 % quantiles of what was observed."""
        lower, upper = (self.quantiles(columns, x, s, level) for level in (0.05, 0.95))
        return TwoSidedProcess(columns, self.initial_slope, lower, upper, self.marginal, self.imputed_mean)


class TwoSidedProcess(TwoEdgedProcess):
    """A process in which values below the edge l or above u go missing."""

    direction = "outside"
    log_missing = TwoEdgedProcess.log_outside
    log_observed = TwoEdgedProcess.log_inside

    @override
    def regions(self) -> Regions:
        slope, half_width = self.log_slope.exp(), self.log_half_width.exp()
        shape = (2, len(self.columns))
        slopes = torch.stack([-slope, slope])
        edges = torch.stack([self.centre - half_width, self.centre + half_width])
        return Regions(slopes.expand(shape), edges.expand(shape))
