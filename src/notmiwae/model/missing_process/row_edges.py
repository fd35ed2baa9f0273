"""Missing values under a probit whose edge is each row's own, with a share that is lost at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor
from typing_extensions import override

from notmiwae.model.distributions import GaussianScaleMixture, Likelihood, pick, weighted_sum
from notmiwae.model.missing_process.missing_process import Conditional
from notmiwae.model.missing_process.separable import Tabulated
from notmiwae.model.missing_process.truncated_gaussian import TruncatedGaussian, log_ndtr
from notmiwae.model.noise import uniform
from notmiwae.model.shapes import Shape

_NODES = 257
"""Nodes of a quadrature for values that have no closed form; a draw's law is linear between them."""


@dataclass(frozen=True)
class RowEdges:
    """`p(s_j = 0 | x_j)` of each row's columns, given the row's edges.

    Attributes:
        decides: Whether a column's own value plays a part, `[C]`.
        slopes: Slopes a, `[C]`; of no use where it plays none.
        edges: Edges of the rows, `[..., B, C]`.
        log_share: `log π` and `log(1 − π)` of the share lost at random, each `[C]`; None where there is none.
        code_offsets: What each code adds to the edge, `[C, M]`; None without rates by code.
        blur: Variance of the index by latents that are integrated over, `[C]`.
    """

    decides: Tensor
    slopes: Tensor
    edges: Tensor
    log_share: tuple[Tensor, Tensor] | None
    code_offsets: Tensor | None
    blur: Tensor | float = 0.0

    def log_missing(self, x: Tensor) -> Tensor:
        """Compute `log p(s_j = 0 | x_j)` of values `[..., B, C]`."""
        return self.mixed(log_ndtr(self._index(x)))

    def log_observed(self, x: Tensor) -> Tensor:
        """Compute `log p(s_j = 1 | x_j)` of values `[..., B, C]`."""
        log_probability = log_ndtr(-self._index(x))
        return log_probability if self.log_share is None else self.log_share[1] + log_probability

    def _index(self, x: Tensor) -> Tensor:
        edges = self.edges
        if self.code_offsets is not None:
            codes = x.long().clamp(0, self.code_offsets.shape[-1] - 1)
            places = torch.arange(len(self.code_offsets), device=x.device)
            edges = edges + self.code_offsets[places, codes]
        index = torch.where(self.decides, self.slopes * (x - edges), -edges)
        return index / (1.0 + self.blur) ** 0.5

    def mixed(self, log_probability: Tensor) -> Tensor:
        """Add the share lost at random."""
        if self.log_share is None:
            return log_probability
        return torch.logaddexp(self.log_share[0], self.log_share[1] + log_probability)

    def pick(self, chosen: Tensor) -> RowEdges:
        """Take the edges at M chosen samples of each row, by their numbers `[M, B]`."""
        return replace(self, edges=pick(self.edges, chosen) if self.edges.dim() > 2 else self.edges)

    def conditional(self, px: Likelihood) -> Conditional:
        """Condition p(x | z) of the columns with a process, `[K, B, C]`, on being missing."""
        if not isinstance(px, GaussianScaleMixture):
            return Tabulated(px, self.log_missing, _NODES)
        return PartlyTruncated(px, self)


class PartlyTruncated(Conditional):
    """x_j | z, s_j = 0: a Gaussian beyond an edge, or as it was where chance or the row alone decided.

    Arguments:
        px: Law of the columns with a process given z, `[K, B, C]`.
        rows: Edges of the rows.
    """

    log_prob: Tensor

    def __init__(self, px: Likelihood, rows: RowEdges) -> None:
        edges = rows.edges if rows.edges.dim() > 2 else rows.edges[None]

        def distance(mean: Tensor) -> Tensor:
            return (rows.slopes.sign() * (edges - mean)).clamp_min(0.0)[None]

        log_weights, gaussians = cast(GaussianScaleMixture, px).gaussians(distance)
        self.px = px
        self.truncated = TruncatedGaussian(gaussians, rows.slopes, edges[None], None, log_weights)
        decided = torch.where(rows.decides, self.truncated.log_prob, log_ndtr(-edges))
        self.log_prob = rows.mixed(decided)
        # The probability that something else than the value decided, of each missing one.
        by_chance = (~rows.decides).to(self.log_prob)
        if rows.log_share is not None:
            by_chance = torch.where(rows.decides, (rows.log_share[0] - self.log_prob).exp(), by_chance)
        self.by_chance = by_chance

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        if shape is None:
            decided, as_it_was = self.truncated.mean, self.px.mean
        else:
            decided = self.truncated.expect(shape.inverse)
            if not self.by_chance.any():
                return weighted_sum(alpha, decided)
            as_it_was = self.px.expect(shape.inverse)
        return weighted_sum(alpha, torch.lerp(decided, as_it_was, self.by_chance.expand_as(as_it_was)))

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        as_it_was, truncated = self.px.sample(generator), self.truncated.sample(generator)
        return torch.where(uniform(truncated, generator) < self.by_chance, as_it_was, truncated)
