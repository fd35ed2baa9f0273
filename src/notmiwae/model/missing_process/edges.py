"""Separable missing processes with edges: what they share.

`p(s_j = 0 | x_j)` is the probability that x_j, blurred by noise of the size 1/a, lies in a region: beyond an
edge (`self_masking.py`), outside an interval (`two_sided.py`), or in one (`interval.py`). The noise is
Gaussian (a probit link) or logistic (`logistic_link.py`). Integrals over a missing value, its mean and its
draws are closed forms for every p(x_j | z) that is a mixture of Gaussians (`truncated_gaussian.py`).
"""

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
        """Tell where values go missing, in the units of the standardised features."""
        raise NotImplementedError

    @override
    def conditional(self, px: Likelihood) -> Conditional:
        """Condition p(x | z) on being missing: a closed form, unless it's of codes."""
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
        shared: Whether all features (pixels of an image) have one edge and slope instead of one each.
        initial_slope: Slope before training, in standardised units; it must be free to grow to 5–10.
        marginal: How x_m is integrated over: `exact`, or `sampled` from p(x_m | z) as in Ipsen et al. 2021.
        imputed_mean: What is imputed, under the same weights: `truncated`, E[x_m | z, s], or `decoder`,
            E[x_m | z].
    """

    shared: bool = False
    initial_slope: Annotated[float, Field(gt=0)] = 3.0
    marginal: Marginal = "exact"
    imputed_mean: ImputedMean = "truncated"

    def observed(self, columns: Tensor, x: Tensor, s: Tensor) -> list[Tensor]:
        """Sort the observed values of each feature, or of all together where they share an edge."""
        observed = [x[s[:, j].bool(), j] for j in columns.tolist()]
        if self.shared and observed:
            observed = [torch.cat(observed)]
        return [values.sort().values for values in observed]

    def quantiles(self, columns: Tensor, x: Tensor, s: Tensor, level: float) -> Tensor:
        """Take the quantile of the observed values at a level from 0 to 1, `[C]`, or `[1]` where shared."""
        # torch.quantile refuses more than 16 million values.
        observed = self.observed(columns, x, s)
        return stacked([quantile(values, level) for values in observed], x)


def quantile(ascending: Tensor, level: float) -> Tensor:
    """Take the quantile of sorted values at a level from 0 to 1, one of the values."""
    return ascending[round(level * (len(ascending) - 1))]


def stacked(values: list[Tensor], x: Tensor) -> Tensor:
    """Stack one value a feature as `[C]`, in the type and on the device of `x`."""
    # A complete table has no feature with a process.
    return torch.stack(values) if values else x.new_zeros(0)


def described(columns: Tensor, direction: str, slopes: Tensor, midpoints: Tensor) -> list[dict[str, Any]]:
    """Describe each column's slope and midpoints, given as `[C]` and `[E, C]` or as shared ones."""
    slopes = slopes.expand(len(columns))
    midpoints = midpoints.expand(-1, len(columns)).T
    values = zip(columns.tolist(), slopes.tolist(), midpoints.tolist(), strict=True)
    return [
        {"column": column, "direction": direction, "slope": slope, "midpoints": edges}
        for column, slope, edges in values
    ]
