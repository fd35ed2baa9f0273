"""A logistic link as a mixture of probits, whose integrals over a Gaussian have a closed form.

Logistic noise is a Gaussian with a random scale κ, twice a Kolmogorov variable (Andrews & Mallows 1974;
Stefanski 1991), so `sigmoid(y) = ∫ Φ(y/κ) p(κ) dκ`. The scales stand evenly in log κ, where the integrand is
smooth and falls off faster than exponentially: twelve give six digits, for steep links too, as long as the
far tail of κ is of no weight. It would be where y is far below 0, as `e^y` is no Gaussian's tail; but with
`m = a(μ − b)` and `τ = aσ`, since sigmoid(y) = e^y sigmoid(−y),

    sigmoid(a(x − b)) N(x; μ, σ²) = exp(m + τ²/2) · sigmoid(−a(x − b)) N(x; μ + aσ², σ²)

and of the two sides one has its mean at most τ²/2 on the wrong side of the edge. That one is integrated.
"""

import numpy as np
import torch
from torch import Tensor

from notmiwae.model.distributions import Normal, over
from notmiwae.model.missing_process.truncated_gaussian import TruncatedGaussian

_FIRST, _LAST, _COUNT = 0.5, 7.0, 12


def _kappa() -> tuple[Tensor, Tensor]:
    """Compute scales κ and the logarithms of their weights, each `[T]`, T = 12."""
    log_kappa = np.linspace(np.log(_FIRST), np.log(_LAST), _COUNT)
    half = np.exp(log_kappa)[:, None] / 2
    k = np.arange(1, 100)
    density = (half**2 * (-1.0) ** (k - 1) * k**2 * np.exp(-2.0 * k**2 * half**2)).sum(1)
    return torch.from_numpy(np.exp(log_kappa)), torch.from_numpy(np.log(density / density.sum()))


_KAPPA, _LOG_WEIGHTS = _kappa()


def logistic_truncated(
    px: Normal, slopes: Tensor, edges: Tensor, log_weights: Tensor | None
) -> TruncatedGaussian:
    """Condition Gaussians on being missing, where `p(s_j = 0 | x_j) = sigmoid(a (x_j − b))`.

    Arguments:
        px: Gaussians p(x_j | z), `[..., K, B, C]`.
        slopes: Slopes a, broadcastable to `[E, K, B, C]`.
        edges: Edges b, broadcastable to `[E, K, B, C]`.
        log_weights: Logarithms of the Gaussians' weights, broadcastable to `[..., K, B, C]`; None where they
            are no mixture.
    """
    m, variance = slopes * (px.mean - edges), (slopes * px.scale).square()
    swapped = m < -0.5 * variance
    factor = torch.where(swapped, m + 0.5 * variance, 0.0)
    if log_weights is not None:
        factor = factor + log_weights
    mean = torch.where(swapped, px.mean + slopes * px.scale.square(), px.mean)
    slopes = torch.where(swapped, -slopes, slopes)
    kappa, log_kappa_weights = (over(values.to(m), factor) for values in (_KAPPA, _LOG_WEIGHTS))
    return TruncatedGaussian(Normal(mean, px.scale), slopes / kappa, edges, None, factor + log_kappa_weights)
