"""Separable missing processes with a probit link, integrated exactly over the missing values.

For one feature, `p(s_j = 0 | x_j) = Σ_c Φ(a_c (x_j − b_c))`, a sum of one edge (self-masking: a > 0 when high
values go missing, a < 0 when low ones do) or two (two-sided: outside an interval). With p(x_j | z) =
N(μ, σ²) and `t_c = a_c (μ − b_c) / sqrt(1 + a_c² σ²)`,

    p(s_j = 0 | z)       = Σ_c Φ(t_c)
    E[x_j | z, s_j = 0]  = Σ_c π_c [ μ + a_c σ² / sqrt(1 + a_c² σ²) · φ(t_c) / Φ(t_c) ],   π_c ∝ Φ(t_c)
    x_j | z, s_j = 0     : c ~ π;  v ~ N(a_c(μ − b_c), 1 + a_c² σ²) truncated to v > 0;  x_j | v Gaussian

(METHOD.md §2; the integral ∫ Φ(a(x − b)) N(x; μ, σ²) dx = Φ(t) is Owen 1980, table of normal integrals).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from scipy.special import ndtri_exp
from torch import Tensor, nn
from torch.special import erfcx, log_ndtr

from notmiwae.model.distributions import Normal, pick
from notmiwae.model.missing import Missing, MissingProcess, ProcessSpec, processes

_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_OVER_PI = math.sqrt(2.0 / math.pi)


def mills_ratio(t: Tensor) -> Tensor:
    """`φ(t) / Φ(t)`, to full precision in both tails: `sqrt(2/π) / erfcx(−t/√2)`."""
    ratio: Tensor = _SQRT_TWO_OVER_PI / erfcx(-t * _SQRT_HALF)
    return ratio


@dataclass(frozen=True)
class ProbitMissing:
    """Missing values conditioned on the mask under a probit process; a `Missing`.

    Attributes:
        px: p(x | z), `[K, B, D]`.
        columns: The features with a process, C of them.
        slopes: `a`, `[E, C]` for E edges a feature.
        edges: `b`, `[E, C]`.
        log_prob: See `Missing`.
    """

    px: Normal
    columns: Tensor
    slopes: Tensor
    edges: Tensor
    log_prob: Tensor

    def mean(self) -> Tensor:
        """`E[x_j | z, s_j = 0]`, the mean of the truncated Gaussian (not the decoder's)."""
        px = self.px.columns(self.columns)
        t, spread = standardised_edges(px, self.slopes, self.edges)
        truncated = px.mean + _per_edge(self.slopes) * px.scale.square() / spread * mills_ratio(t)
        mean = (log_ndtr(t).softmax(0) * truncated).sum(0)
        return self.px.mean.index_copy(-1, self.columns, mean)

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """Exact draws of `x_j | z, s_j = 0`, by the truncated auxiliary variable v."""
        everything = Normal(pick(self.px.mean, chosen), self.px.scale)
        px = everything.columns(self.columns)
        t, spread = standardised_edges(px, self.slopes, self.edges)
        slopes = _per_edge(self.slopes)
        # One edge is chosen by inverting the cumulative shares.
        shares = log_ndtr(t).softmax(0).cumsum(0)
        which = (_uniform(px.mean, generator) > shares[:-1]).sum(0, keepdim=True)
        t = t.gather(0, which)[0]
        spread = spread.expand(-1, *t.shape).gather(0, which)[0]
        slope = slopes.expand(-1, *t.shape).gather(0, which)[0]
        # v = a(μ − b) + spread · w with w > −t; −w is a Gaussian below t, drawn by inversion in logs, which
        # holds in both tails. Double precision, since log Φ(t) + log u may round to zero in single.
        log_level = log_ndtr(t.double()) + _uniform(t, generator).log()
        w = -torch.from_numpy(ndtri_exp(log_level.numpy())).to(t.dtype)
        given_v = Normal(px.mean + slope * px.scale.square() / spread * w, px.scale / spread)
        draw = given_v.rsample(torch.randn(t.shape, generator=generator, dtype=t.dtype))
        # Features without a process are ignorable.
        noise = torch.randn(everything.mean.shape, generator=generator, dtype=t.dtype)
        return everything.rsample(noise).index_copy(-1, self.columns, draw)


def standardised_edges(px: Normal, slopes: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """`t = a(μ − b) / spread` and `spread = sqrt(1 + a²σ²)`, `[E, K, B, C]` and broadcastable to it."""
    a = _per_edge(slopes)
    spread = (1.0 + (a * px.scale).square()).sqrt()
    return a * (px.mean - _per_edge(edges)) / spread, spread


def log_observed(x: Tensor, slopes: Tensor, edges: Tensor) -> Tensor:
    """`log p(s_j = 1 | x_j) = log(1 − Σ_c Φ(y_c))`, `y_c = a_c (x_j − b_c)`, for one or two edges, `[B, C]`.

    With two, `1 − Φ(y_1) − Φ(y_2) = Φ(−max y) − Φ(min y)`, a difference of small numbers only.
    """
    y = slopes[:, None] * (x - edges[:, None])
    upper: Tensor = log_ndtr(-y.amax(0))
    if len(y) == 1:
        return upper
    return upper + torch.log(-torch.expm1(log_ndtr(y.amin(0)) - upper))


def _per_edge(values: Tensor) -> Tensor:
    """`[E, C]` as `[E, 1, 1, C]`, to meet `[K, B, C]`."""
    return values[:, None, None]


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform draws from the open interval (0, 1), whose logarithm is finite, in double precision."""
    return torch.rand(like.shape, generator=generator, dtype=torch.float64).clamp(1e-16, 1.0 - 1e-16)


class ProbitProcess(MissingProcess):
    """Base of the processes with probit edges; a subclass says where the edges stand."""

    def slopes_and_edges(self) -> tuple[Tensor, Tensor]:
        """`a` and `b`, each `[E, C]`, in the units of the standardised features."""
        raise NotImplementedError

    def forward(self, px: Normal, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
        """See `MissingProcess.forward`; nothing is sampled here."""
        slopes, edges = self.slopes_and_edges()
        x, s = x.index_select(-1, self.columns), s.index_select(-1, self.columns)
        t, _ = standardised_edges(px.columns(self.columns), slopes, edges)
        log_missing = log_ndtr(t[0]) if len(t) == 1 else log_ndtr(t).logsumexp(0)
        observed = torch.where(s.bool(), log_observed(x, slopes, edges), 0.0).sum(-1)
        log_prob = observed + (log_missing * (1.0 - s)).sum(-1)
        return ProbitMissing(px, self.columns, slopes, edges, log_prob)

    def missing_probability(self, x: Tensor) -> Tensor:
        """See `MissingProcess.missing_probability`."""
        slopes, edges = self.slopes_and_edges()
        y = slopes[:, None] * (x.index_select(-1, self.columns) - edges[:, None])
        return self._scatter(log_ndtr(y).exp().sum(0), x)


class EdgeSpec(ProcessSpec):
    """What the probit processes have in common.

    Attributes:
        shared: One edge and slope for all features (pixels of an image) instead of one each.
        initial_slope: Slope before training, in standardised units; it must be free to grow to 5–10.
    """

    shared: bool = False
    initial_slope: Annotated[float, Field(gt=0)] = 3.0

    def _start(self, columns: Tensor, x: Tensor, s: Tensor, quantile: float) -> Tensor:
        """The `quantile` of each feature's observed values, or of all of them where the edge is shared."""
        cells = [x[s[:, j].bool(), j] for j in columns.tolist()]
        if self.shared and cells:
            cells = [torch.cat(cells)]
        # A complete table has no feature to start.
        starts = [_quantile(values, quantile) for values in cells]
        return torch.stack(starts) if starts else x.new_zeros(0)


def _quantile(values: Tensor, quantile: float) -> Tensor:
    # torch.quantile refuses more than 16 million values.
    index = round(quantile * (len(values) - 1))
    return values.sort().values[index]


@processes.register("self_masking")
class SelfMasking(EdgeSpec):
    """`p(s_j = 0 | x_j) = Φ(a_j (x_j − b_j))`: a value's own size decides (Ipsen et al. 2021, §3.1).

    Attributes:
        direction: Which values go missing: `high` (a > 0), `low` (a < 0), or `unknown`: both are trained
            and the higher held-out bound wins, since a random sign costs dearly (METHOD.md §2).
    """

    direction: Literal["high", "low", "unknown"] = "high"

    def build(self, columns: Tensor, x: Tensor, s: Tensor) -> MissingProcess:
        """See `ProcessSpec.build`; the edge starts at the edge of what was observed."""
        if self.direction == "unknown":
            raise ValueError("train each of `starts()`: a process has one direction")
        high = self.direction == "high"
        start = self._start(columns, x, s, 0.95 if high else 0.05)
        return SelfMaskingProcess(columns, x.shape[-1], 1.0 if high else -1.0, self.initial_slope, start)

    def starts(self) -> list[ProcessSpec]:
        """See `ProcessSpec.starts`."""
        if self.direction != "unknown":
            return [self]
        return [self.model_copy(update={"direction": each}) for each in ("high", "low")]


class SelfMaskingProcess(ProbitProcess):
    """One edge a feature; see `SelfMasking`."""

    def __init__(self, columns: Tensor, features: int, sign: float, slope: float, start: Tensor) -> None:
        super().__init__(columns, features)
        self.sign = sign
        self.log_slope = nn.Parameter(torch.full_like(start, math.log(slope)))
        self.edge = nn.Parameter(start.clone())

    def slopes_and_edges(self) -> tuple[Tensor, Tensor]:
        """See `ProbitProcess.slopes_and_edges`."""
        slope, edge = self.sign * self.log_slope.exp(), self.edge
        shape = (1, len(self.columns))
        return slope.expand(shape), edge.expand(shape)


@processes.register("two_sided")
class TwoSided(EdgeSpec):
    """`p(s_j = 0 | x_j) = Φ(a(l − x_j)) + Φ(a(x_j − u))`: values outside [l, u] go missing."""

    def build(self, columns: Tensor, x: Tensor, s: Tensor) -> MissingProcess:
        """See `ProcessSpec.build`; the edges start at the edges of what was observed."""
        lower, upper = (self._start(columns, x, s, quantile) for quantile in (0.05, 0.95))
        return TwoSidedProcess(columns, x.shape[-1], self.initial_slope, lower, upper)


class TwoSidedProcess(ProbitProcess):
    """Two edges a feature, one slope; see `TwoSided`."""

    def __init__(self, columns: Tensor, features: int, slope: float, lower: Tensor, upper: Tensor) -> None:
        super().__init__(columns, features)
        self.log_slope = nn.Parameter(torch.full_like(lower, math.log(slope)))
        self.centre = nn.Parameter((lower + upper) / 2)
        # The half width stays positive, so that the two probabilities never add up to more than one.
        self.log_half_width = nn.Parameter(((upper - lower) / 2).clamp_min(1e-3).log())

    def slopes_and_edges(self) -> tuple[Tensor, Tensor]:
        """See `ProbitProcess.slopes_and_edges`."""
        slope, half_width = self.log_slope.exp(), self.log_half_width.exp()
        shape = (2, len(self.columns))
        slopes = torch.stack([-slope, slope])
        edges = torch.stack([self.centre - half_width, self.centre + half_width])
        return slopes.expand(shape), edges.expand(shape)
