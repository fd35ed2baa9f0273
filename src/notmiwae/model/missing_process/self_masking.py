"""Self-masking: values beyond one edge a feature go missing, high ones (a > 0) or low ones (a < 0)."""

import math
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, FiniteFloat
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from typing_extensions import override

from notmiwae.model.missing_process.edges import EdgeProcess, EdgeSpec, Link, described
from notmiwae.model.missing_process.missing_process import Features, MissingProcess, ProcessSpec, processes
from notmiwae.model.missing_process.separable import ImputedMean, Marginal
from notmiwae.model.missing_process.truncated_gaussian import Regions, log_ndtr
from notmiwae.specs import Spec


class KnownEdgeSpec(Spec):
    """A self-masking process that is known: nothing of it is learnt.

    Attributes:
        slope: Steepness |a|, in the units of the features as the model sees them.
        edge: Edge b, in the units of the features as the model sees them.
    """

    slope: Annotated[float, Field(gt=0)]
    edge: FiniteFloat


@processes.register("self_masking")
class SelfMaskingSpec(EdgeSpec):
    """`p(s_j = 0 | x_j) = F(a_j (x_j − b_j))`: a value's own size decides (Ipsen et al. 2021, §3.1).

    Attributes:
        direction: Which values go missing: `high` (a > 0), `low` (a < 0), or `unknown`: both are trained and
            the higher held-out bound wins, since a random sign costs dearly (docs/method.md, "Missing
            processes").
        link: Link function F: `probit` (the standard normal's Φ) or `logistic` (the sigmoid; about twelve
            times the work of a probit, and with `marginal: sampled` the published method).
        known: Slope and edge of all features, where they are known; null: they are learnt.
    """

    direction: Literal["high", "low", "unknown"] = "high"
    link: Link = "probit"
    known: KnownEdgeSpec | None = None

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        """Build a process whose edge is at first the 95 % or 5 % quantile of what was observed.

        Raises:
            ValueError: the direction is unknown: train each of `starts`.
        """
        if self.direction == "unknown":
            raise ValueError("train each of `starts()`: a process has one direction")
        high = self.direction == "high"
        sign = 1.0 if high else -1.0
        options = (self.link, self.marginal, self.imputed_mean)
        if self.known:
            edge = x.new_full((1,), self.known.edge)
            process = SelfMaskingProcess(columns, sign, self.known.slope, edge, *options)
            process.settle()
        else:
            edge = self.quantiles(columns, x, s, 0.95 if high else 0.05)
            process = SelfMaskingProcess(columns, sign, self.initial_slope, edge, *options)
            process.limit = self.quantiles(columns, x, s, 1.0 if high else 0.0)
        return process

    @override
    def starts(self) -> list[ProcessSpec]:
        if self.direction != "unknown":
            return [self]
        return [self.model_copy(update={"direction": direction}) for direction in ("high", "low")]


class SelfMaskingProcess(EdgeProcess):
    """A process in which values beyond one edge a feature go missing.

    Arguments:
        columns: Indices of the features that can be missing, `[C]`.
        sign: Sign of the slopes a: 1 where high values go missing, −1 where low ones do.
        slope: Steepness |a| before training.
        edge: Edges b before training, `[C]`, or `[1]` where shared.
        link: Link function, `probit` or `logistic`.
        marginal: How x_m is integrated over, `exact` or `sampled`.
        imputed_mean: What is imputed, E[x_m | z, s] (`truncated`) or E[x_m | z] (`decoder`).

    Attributes:
        limit: Most extreme value that was observed in the direction in which values go missing; training
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
        edge: Tensor,
        link: Link = "probit",
        marginal: Marginal = "exact",
        imputed_mean: ImputedMean = "truncated",
    ) -> None:
        super().__init__(columns, marginal, imputed_mean)
        self.sign = sign
        self.link = link
        self.log_slope = nn.Parameter(torch.full_like(edge, math.log(slope)))
        self.edge = nn.Parameter(edge.clone())
        self.register_buffer("limit", None, persistent=False)

    def settle(self) -> None:
        """Make constants of the parameters, so that nothing is learnt."""
        for name in ("log_slope", "edge"):
            value = getattr(self, name).detach()
            delattr(self, name)
            self.register_buffer(name, value, persistent=False)

    def slopes_and_edges(self) -> tuple[Tensor, Tensor]:
        """Return the slopes a and the edges b, each `[1, C]`."""
        slope, edge = self.sign * self.log_slope.exp(), self.edge
        shape = (1, len(self.columns))
        return slope.expand(shape), edge.expand(shape)

    @override
    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Keep the edge from lying beyond the `limit`."""
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
        """Report `direction`, `slope` |a|, and `midpoints` [b] of each column."""
        slopes, edges = self.slopes_and_edges()
        direction = "high" if self.sign > 0 else "low"
        return described(self.columns, direction, slopes[0].abs(), edges)
