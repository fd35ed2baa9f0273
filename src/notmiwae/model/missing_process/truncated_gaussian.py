"""Gaussians conditioned on a noisy copy of themselves lying in a half-line or an interval.

A value x goes missing iff `v = x + e/a` lies beyond an edge b, `a (v − b) > 0`, and if the region is an
interval within a width of it; e ~ N(0, 1). With x ~ N(μ, σ²), `r = sqrt(1 + a² σ²)` and `t = a (μ − b) / r`,
`e' = (a (v − b) − a (μ − b)) / r` is standard normal, and x given it is Gaussian, so that

    p(s = 0)         = Φ(t)                 or  Φ(t) − Φ(t − w),  w = |a| width / r
    E[e' | s = 0]    = φ(t) / Φ(t)          or  (φ(t) − φ(t − w)) / (Φ(t) − Φ(t − w))
    x | e'           ~ N(μ + a σ²/r · e', (σ/r)²)

(docs/method.md, "Exact marginals"; the integral ∫ Φ(a(x − b)) N(x; μ, σ²) dx = Φ(t) is Owen 1980, table of
normal integrals). Everything is in logarithms and holds in both tails.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from numpy.polynomial.hermite_e import hermegauss
from numpy.polynomial.legendre import leggauss
from scipy.special import ndtri_exp
from torch import Tensor
from torch.special import erfcx
from typing_extensions import override

from notmiwae.model.distributions import Normal, weighted_sum
from notmiwae.model.missing_process.missing_process import Conditional
from notmiwae.model.noise import normal, uniform
from notmiwae.model.shapes import Shape

_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_OVER_PI = math.sqrt(2.0 / math.pi)
_LEVELS, _LEVEL_WEIGHTS = ((leggauss(8)[0] + 1.0) / 2.0).tolist(), (leggauss(8)[1] / 2.0).tolist()
_PLACES, _PLACE_WEIGHTS = hermegauss(5)[0].tolist(), (hermegauss(5)[1] / math.sqrt(2 * math.pi)).tolist()
"""Quadratures of a smooth function, over levels (Gauss and Legendre) and a Gaussian (Gauss and Hermite)."""


def mills_ratio(t: Tensor) -> Tensor:
    """Compute `φ(t) / Φ(t)` to full precision in both tails, as `sqrt(2/π) / erfcx(−t/√2)`."""
    ratio: Tensor = _SQRT_TWO_OVER_PI / erfcx(-t * _SQRT_HALF)
    return ratio


class _LogNdtr(torch.autograd.Function):
    @staticmethod
    def forward(t: Tensor) -> Tensor:
        log_probability: Tensor = torch.special.log_ndtr(t)
        return log_probability

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (t,) = ctx.saved_tensors
        return gradients[0] * mills_ratio(t)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int], t: Tensor) -> tuple[Tensor, int]:
        return log_ndtr(t), in_dims[0]


def log_ndtr(t: Tensor) -> Tensor:
    """Compute `log Φ(t)`, with values and gradients that hold in both tails.

    The gradient is the Mills ratio. PyTorch's, `exp(−t²/2 − log Φ(t))`, is a difference of large numbers: in
    single precision it's off by a third at t = −5,000, by a factor of 177 at −20,000, and may be infinite.
    """
    log_probability: Tensor = _LogNdtr.apply(t)  # type: ignore[no-untyped-call]
    return log_probability


def _inverse_log_ndtr(log_level: Tensor) -> Tensor:
    """Find the t at which `log Φ(t)` is `log_level`."""
    return torch.from_numpy(ndtri_exp(log_level.cpu().numpy())).to(log_level.device)


class IntervalProbability:
    """The interval from t − w to t of a standard normal variable −e', w > 0, in double precision.

    It's mirrored into the left tail where it lies in the right one, since only there differences are of
    small numbers: `Φ(high) − Φ(low) = Φ(high) (1 − exp(−gap))`.
    """

    def __init__(self, t: Tensor, w: Tensor) -> None:
        # Single precision can't tell the ends of a narrow interval far out apart.
        t, w = t.double(), w.double()
        self.mirrored = 2.0 * t > w
        self.high = torch.where(self.mirrored, w - t, t)
        self.low = self.high - w
        self.log_high = log_ndtr(self.high)
        self.gap = (self.log_high - log_ndtr(self.low)).clamp_min(1e-30)

    def log_prob(self) -> Tensor:
        """Compute `log(Φ(t) − Φ(t − w))`."""
        return self.log_high + torch.log(-torch.expm1(-self.gap))

    @property
    def mean(self) -> Tensor:
        """Expectation of e', `(φ(t) − φ(t − w)) / (Φ(t) − Φ(t − w))`."""
        fall = 0.5 * (self.high - self.low) * (self.high + self.low)  # log φ(low) − log φ(high)
        ratio = mills_ratio(self.high) * torch.expm1(fall) / torch.expm1(-self.gap)
        return torch.where(self.mirrored, -ratio, ratio)

    def invert(self, level: Tensor) -> Tensor:
        """Find the e' that cuts the share `level` of the interval's mass off, from either end, for draws."""
        log_level = self.log_high + torch.log1p(level * torch.expm1(-self.gap))
        left = _inverse_log_ndtr(log_level).clamp(self.low, self.high)
        return torch.where(self.mirrored, left, -left)


def log_interval(t: Tensor, w: Tensor) -> Tensor:
    """Compute `log(Φ(t) − Φ(t − w))` for w > 0."""
    return IntervalProbability(t, w).log_prob().to(t.dtype)


@dataclass(frozen=True)
class Regions:
    """Where v must lie for a value to go missing: E half-lines or intervals a feature, disjoint.

    Attributes:
        slopes: Slopes a, `[E, C]`; the region lies above its edge where positive, below it where negative.
        edges: Edges b, `[E, C]`.
        widths: Widths of the intervals, `[E, C]`; None for half-lines.
    """

    slopes: Tensor
    edges: Tensor
    widths: Tensor | None = None

    def distance(self, mean: Tensor) -> Tensor:
        """Measure how far means `[K, B, C]` lie from each region, `[E, K, B, C]`, 0 inside."""
        short = per_edge(self.slopes.sign()) * (per_edge(self.edges) - mean)
        if self.widths is not None:
            short = short.maximum(-short - per_edge(self.widths))
        return short.clamp_min(0.0)


def per_edge(values: Tensor) -> Tensor:
    """Shape `[E, C]` as `[E, 1, 1, C]`, to meet `[K, B, C]`."""
    return values[:, None, None]


class Truncated(Conditional):
    """Mixtures of Gaussians, each `mean + step e' + residual e` with `−t < e' < w − t`; a subclass has both.

    Arguments:
        px: Gaussians p(x_j | z), `[..., K, B, C]`.
        t: Distance of the mean from the region's edge, to the inside, in the standard deviation of e'.
        w: Width of the region in the same; None for half-lines.
        log_weights: Logarithms of the mixture's weights, broadcastable to `[..., K, B, C]`; None where all
            are one.
    """

    log_prob: Tensor

    def __init__(self, px: Normal, t: Tensor, w: Tensor | None, log_weights: Tensor | None) -> None:
        self.px, self.t, self.w = px, t, w
        log_shares = log_ndtr(t) if w is None else log_interval(t, w)
        if log_weights is not None:
            log_shares = log_shares + log_weights
        self._shape = log_shares.shape
        self.log_shares = _components(log_shares)
        self.log_prob = self.log_shares[0] if len(self.log_shares) == 1 else self.log_shares.logsumexp(0)

    @property
    def step(self) -> Tensor:
        """How far one unit of e' takes the value."""
        raise NotImplementedError

    @property
    def residual(self) -> Tensor | None:
        """Standard deviation of the value given e'; None where e' is all there is."""
        return None

    @property
    def mean(self) -> Tensor:
        """Expectation of the value in its region, `[K, B, C]`: not the decoder's mean."""
        if self.w is None:
            shift = mills_ratio(self.t)
        else:
            shift = IntervalProbability(self.t, self.w).mean.to(self.t.dtype)
        means = self.px.mean + self.step * shift
        return (self.log_shares.softmax(0) * _components(means)).sum(0)

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        return weighted_sum(alpha, self.mean if shape is None else self.expect(shape.inverse))

    def expect(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Compute `E[f(x_j) | z, s_j = 0]` of a smooth function of values `[K, B, C]`, by quadrature.

        It's over the levels of e', and over what is left of x_j once e' is known.
        """
        total: Tensor | float = 0.0
        shares, rest = self.log_shares.softmax(0), self.residual
        places = zip(_PLACES, _PLACE_WEIGHTS, strict=True) if rest is not None else [(0.0, 1.0)]
        steps = [(place * rest if rest is not None else 0.0, share) for place, share in places]
        for level, weight in zip(_LEVELS, _LEVEL_WEIGHTS, strict=True):
            centre = self.px.mean + self.step * _noise(self.t, self.w, torch.full_like(self.t, level))
            for further, share in steps:
                values = _components((centre + further).expand(self._shape))
                given = torch.stack([function(each) for each in values])
                total = total + weight * share * (shares * given).sum(0)
        return cast(Tensor, total)

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw exactly, by way of e'."""
        # One component is chosen by inverting the cumulative shares.
        shares = self.log_shares.softmax(0).cumsum(0)
        which = (uniform(shares[0], generator) > shares[:-1]).sum(0, keepdim=True)

        def chosen(values: Tensor) -> Tensor:
            return _components(values.expand(self._shape)).gather(0, which)[0]

        t = chosen(self.t)
        noise = _noise(t, None if self.w is None else chosen(self.w), uniform(t, generator))
        drawn = chosen(self.px.mean) + chosen(self.step) * noise
        if self.residual is None:
            return drawn
        return Normal(drawn, chosen(self.residual)).rsample(normal(t, generator))


class TruncatedGaussian(Truncated):
    """x_j | z, s_j = 0: a mixture of Gaussians, each conditioned on a noisy copy of it being in its region.

    Arguments:
        px: Gaussians p(x_j | z), `[..., K, B, C]`.
        slopes: Slopes a, broadcastable to `[..., K, B, C]`.
        edges: Edges b, broadcastable to `[..., K, B, C]`.
        widths: Widths of the intervals, broadcastable to `[..., K, B, C]`; None for half-lines.
        log_weights: As of `Truncated`.
    """

    def __init__(
        self, px: Normal, slopes: Tensor, edges: Tensor, widths: Tensor | None, log_weights: Tensor | None
    ) -> None:
        self.slopes = slopes
        self.spread = (1.0 + (slopes * px.scale).square()).sqrt()
        t = slopes * (px.mean - edges) / self.spread
        super().__init__(px, t, None if widths is None else slopes.abs() * widths / self.spread, log_weights)

    @property
    @override
    def step(self) -> Tensor:
        return self.slopes * self.px.scale.square() / self.spread

    @property
    @override
    def residual(self) -> Tensor:
        return self.px.scale / self.spread


def _noise(t: Tensor, w: Tensor | None, level: Tensor) -> Tensor:
    """Find the e' that cuts a share of its mass off; arguments as of `Truncated`, and levels from 0 to 1."""
    if w is not None:
        return IntervalProbability(t, w).invert(level).to(t.dtype)
    # −e' is a Gaussian below t, inverted in logarithms, which holds in both tails. Double precision, since
    # log Φ(t) + log u may round to zero in single.
    return -_inverse_log_ndtr(log_ndtr(t.double()) + level.log()).to(t.dtype)


def _components(values: Tensor) -> Tensor:
    """Fold the axes before the last three into one of G components: `[..., K, B, C]` as `[G, K, B, C]`."""
    return values if values.dim() == 4 else values.flatten(0, -4)
