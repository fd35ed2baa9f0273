"""Separable missing processes with edges: what they share, and self-masking, with one edge a feature.

`p(s_j = 0 | x_j)` is the probability that x_j, blurred by noise of the size 1/a, lies in a region: beyond
an edge (self-masking: a > 0 when high values go missing, a < 0 when low ones do), outside an interval
(two-sided), or in one (`two_edged.py`). The noise is Gaussian (probit link) or logistic. Integrals over a
missing value, its mean and its draws are closed forms for every p(x_j | z) that is a mixture of Gaussians
(`truncation.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, FiniteFloat
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from typing_extensions import override

from notmiwae.model.missing_process.edges import EdgeProcess, EdgeSpec, Link, described
from notmiwae.model.missing_process.missing_process import MissingProcess, ProcessSpec, processes
from notmiwae.model.missing_process.separable import ImputedMean, Marginal
from notmiwae.model.missing_process.truncated_gaussian import Regions, log_ndtr
from notmiwae.specs import Spec


class KnownEdgeSpec(Spec):
    """A self-masking process that is known: nothing of it is learnt.

    Attributes:
        slope: |a|, in the units of the features as the model sees them.
        edge: b, likewise.
    """

    slope: Annotated[float, Field(gt=0)]
    edge: FiniteFloat


@processes.register("self_masking")
class SelfMaskingSpec(EdgeSpec):
    """`p(s_j = 0 | x_j) = F(a_j (x_j − b_j))`: a value's own size decides (Ipsen et al. 2021, §3.1).

    Attributes:
        direction: Which values go missing: `high` (a > 0), `low` (a < 0), or `unknown`: both are trained
            and the higher held-out bound wins, since a random sign costs dearly (METHOD.md §2).
        link: F: `probit` (the standard normal's Φ) or `logistic` (the sigmoid; about twelve times the work
            of a probit, and with `marginal: sampled` the published method).
        known: Slope and edge of all features, where they are known; null: they are learnt.
    """

    direction: Literal["high", "low", "unknown"] = "high"
    link: Link = "probit"
    known: KnownEdgeSpec | None = None

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """The edge starts at the edge of what was observed."""
        if self.direction == "unknown":
            raise ValueError("train each of `starts()`: a process has one direction")
        high = self.direction == "high"
        if self.known:
            start = x.new_full((1,), self.known.edge)
        else:
            start = self.start(columns, x, s, 0.95 if high else 0.05)
        process = SelfMaskingProcess(
            columns,
            1.0 if high else -1.0,
            self.known.slope if self.known else self.initial_slope,
            start,
            self.link,
            self.marginal,
            self.imputed_mean,
        )
        if self.known:
            process.settle()
        else:
            process.limit = self.start(columns, x, s, 1.0 if high else 0.0)
        return process

    @override
    def starts(self) -> list[ProcessSpec]:
        if self.direction != "unknown":
            return [self]
        return [self.model_copy(update={"direction": each}) for each in ("high", "low")]


class SelfMaskingProcess(EdgeProcess):
    """One edge a feature; see `SelfMaskingSpec`.

    Attributes:
        limit: The most extreme value that was observed in the direction in which values go missing; training
            keeps the edge from lying beyond it. Between the two there would be values that are seen for sure
            and yet were never seen: a gap in p(x), which explains the mask in place of p(s | x).
    """

    limit: Tensor | None
    log_slope: Tensor
    edge: Tensor

    def __init__(
        self,
        columns: Tensor,
        sign: float,
        slope: float,
        start: Tensor,
        link: Link = "probit",
        marginal: Marginal = "exact",
        imputed_mean: ImputedMean = "truncated",
    ) -> None:
        super().__init__(columns, marginal, imputed_mean)
        self.sign = sign
        self.link = link
        self.log_slope = nn.Parameter(torch.full_like(start, math.log(slope)))
        self.edge = nn.Parameter(start.clone())
        self.register_buffer("limit", None, persistent=False)

    def settle(self) -> None:
        """Learn nothing: make constants of what are parameters."""
        for name in ("log_slope", "edge"):
            value = getattr(self, name).detach()
            delattr(self, name)
            self.register_buffer(name, value, persistent=False)

    def slopes_and_edges(self) -> tuple[Tensor, Tensor]:
        """`a` and `b`, each `[1, C]`."""
        slope, edge = self.sign * self.log_slope.exp(), self.edge
        shape = (1, len(self.columns))
        return slope.expand(shape), edge.expand(shape)

    @override
    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The edge isn't beyond the `limit`."""
        if self.limit is None:
            return {}
        anywhere = torch.full_like(self.limit, math.inf)
        return {"edge": (-anywhere, self.limit) if self.sign > 0 else (self.limit, anywhere)}

    @override
    def regions(self) -> Regions:
        return Regions(*self.slopes_and_edges())

    @override
    def log_missing(self, x: Tensor) -> Tensor:
        return self._log_probability(x, 1.0)

    @override
    def log_observed(self, x: Tensor) -> Tensor:
        return self._log_probability(x, -1.0)

    def _log_probability(self, x: Tensor, side: float) -> Tensor:
        y = (side * self.sign) * self.log_slope.exp() * (x - self.edge)
        return log_ndtr(y) if self.link == "probit" else logsigmoid(y)

    @override
    def learnt(self) -> list[dict[str, Any]]:
        """`direction`, `slope` a > 0, and `midpoints` [b]."""
        slopes, edges = self.slopes_and_edges()
        direction = "high" if self.sign > 0 else "low"
        return described(self.columns, direction, slopes[0].abs(), edges)
