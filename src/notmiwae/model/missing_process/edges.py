"""What the separable missing processes with edges share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from notmiwae.model.distributions import GaussianScaleMixture, Likelihood
from notmiwae.model.missing_process.logistic_link import logistic_truncated
from notmiwae.model.missing_process.missing_process import Conditional, ProcessSpec
from notmiwae.model.missing_process.separable import ImputedMean, Marginal, SeparableProcess
from notmiwae.model.missing_process.truncated_gaussian import Regions, TruncatedGaussian, per_edge

Link = Literal["probit", "logistic"]


class EdgeProcess(SeparableProcess):
    """Base of the processes with edges; a subclass says where the regions of missing values are."""

    link: Link = "probit"

    def regions(self) -> Regions:
        """Where values go missing, in the units of the standardised features."""
        raise NotImplementedError

    @override
    def conditional(self, px: Likelihood) -> Conditional:
        """A closed form, unless p(x | z) is of codes."""
        if not isinstance(px, GaussianScaleMixture):
            return super().conditional(px)
        regions = self.regions()
        log_weights, gaussians = px.gaussians(regions.distance)
        slopes, edges = per_edge(regions.slopes), per_edge(regions.edges)
        if self.link == "logistic":
            return logistic_truncated(gaussians, slopes, edges, log_weights)
        widths = None if regions.widths is None else per_edge(regions.widths)
        return TruncatedGaussian(gaussians, slopes, edges, widths, log_weights)

    @override
    def drawing(self, px: Likelihood) -> Conditional:
        return self.conditional(px)


class EdgeSpec(ProcessSpec):
    """What the processes with edges have in common.

    Attributes:
        shared: One edge and slope for all features (pixels of an image) instead of one each.
        initial_slope: Slope before training, in standardised units; it must be free to grow to 5–10.
        marginal: `exact`, or `sampled`: x_m is drawn from p(x_m | z) as in Ipsen et al. 2021.
        imputed_mean: `truncated`: E[x_m | z, s]; or `decoder`: E[x_m | z], under the same weights.
    """

    shared: bool = False
    initial_slope: Annotated[float, Field(gt=0)] = 3.0
    marginal: Marginal = "exact"
    imputed_mean: ImputedMean = "truncated"

    def cells(self, columns: Tensor, x: Tensor, s: Tensor) -> list[Tensor]:
        """Each feature's observed values, or all of them as one where the edge is shared; sorted."""
        cells = [x[s[:, j].bool(), j] for j in columns.tolist()]
        if self.shared and cells:
            cells = [torch.cat(cells)]
        return [values.sort().values for values in cells]

    def start(self, columns: Tensor, x: Tensor, s: Tensor, quantile: float) -> Tensor:
        """The `quantile` of the observed values."""
        # torch.quantile refuses more than 16 million values.
        cells = self.cells(columns, x, s)
        return stacked([values[round(quantile * (len(values) - 1))] for values in cells], x)


def stacked(values: list[Tensor], x: Tensor) -> Tensor:
    """One value a feature as `[C]`, of the kind of `x`."""
    # A complete table has no feature to start.
    return torch.stack(values) if values else x.new_zeros(0)


def described(columns: Tensor, direction: str, slopes: Tensor, midpoints: Tensor) -> list[dict[str, Any]]:
    """One mapping a column of slopes `[C]` and midpoints `[E, C]`, or of ones that all share."""
    slopes = slopes.expand(len(columns))
    midpoints = midpoints.expand(-1, len(columns)).T
    values = zip(columns.tolist(), slopes.tolist(), midpoints.tolist(), strict=True)
    return [
        {"column": column, "direction": direction, "slope": slope, "midpoints": places}
        for column, slope, places in values
    ]
