"""What the model needs of p(x | z), and the Gaussian.

A training step at the size of a table is a few dozen small kernels, and each costs more than its arithmetic;
so densities are summed in the fewest kernels, with what doesn't depend on z taken out of the K samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor
from typing_extensions import override

from notmiwae.model.noise import normal, uniform
from notmiwae.model.shapes import Shape

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_REACH = 8.0
"""A Gaussian's quadrature ends this many standard deviations from its mean."""
_NODES = 17
"""Nodes of a quadrature of a smooth function: one standard deviation apart they give eight digits."""


@dataclass(frozen=True)
class Nodes:
    """`∫ f(x_j) p(x_j | z) dx_j = Σ_t exp(log_weights_t) f(values_t)`: an exact sum, or a quadrature.

    Attributes:
        values: Values of x_j at which f is taken, `[T, K, B, C]` or broadcastable to it.
        log_weights: Logarithms of the values' weights, `[T, K, B, C]` or broadcastable to it.
        places: Evenly spaced arguments that `value_at` maps to the values of a quadrature, `[T]`; None where
            the sum is exact.
        value_at: Function from a quadrature's places to its values; None where the sum is exact.
    """

    values: Tensor
    log_weights: Tensor
    places: Tensor | None = None
    value_at: Callable[[Tensor], Tensor] | None = None

    def at(self, which: Tensor, generator: torch.Generator) -> Tensor:
        """Take the values at the nodes `which`, `[K, B, C]`, or draw close to them.

        Between the nodes of a quadrature a draw follows the density that is linear from node to node: a sum
        of hat functions, each the law of its node plus the sum of two uniform draws.
        """
        if self.places is None or self.value_at is None:
            return self.values.expand(-1, *which.shape).gather(0, which[None])[0]
        hat = uniform(which, generator) + uniform(which, generator) - 1.0
        spacing = self.places[1] - self.places[0]
        return self.value_at(self.places[which] + spacing * hat.to(spacing.dtype))


class Likelihood(Protocol):
    """`p(x | z) = Π_j p(x_j | z)` for K samples of z: what an observation model returns.

    What is written out here is for values that have a mean, and a `sample` through which no gradient flows.
    A Gaussian scale mixture has `gaussians` beside this; the closed forms of `edges.py` use it.
    """

    if TYPE_CHECKING:  # a dataclass would take a property for the default of its field

        @property
        def mean(self) -> Tensor:
            """Imputation where z alone is known, `[K, B, D]`: the mean, or the mode of codes."""

    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        """Sum `Σ_j s_j log p(x_j | z)` over the last axis, `[K, B]`: the observed features' log-density.

        Arguments:
            x: Values, `[B, D]` or `[K, B, D]`, anything finite where s is 0.
            s: Mask, `[B, D]`, 1 where observed.
        """

    def score(self, x: Tensor, s: Tensor) -> Tensor | float:
        """Compute `log_prob` of the features through whose `sample` no gradient flows, `[K, B]`, or 0."""
        return self.log_prob(x, s)

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw x once for each sample of z, `[K, B, D]`."""

    def columns(self, index: Tensor) -> Likelihood:
        """Take the distribution of the features at `index` of the last axis."""

    def pick(self, chosen: Tensor) -> Likelihood:
        """Take the distribution at M chosen samples of z of each row, by their numbers `[M, B]`."""

    def nodes(self, count: int) -> Nodes:
        """List what sums or integrates over each x_j: all its values, or about `count` of a quadrature."""

    def estimate(self, values: Tensor, weights: Tensor) -> Tensor:
        """Impute from values `[T, ...]` with weights that sum to 1 over the first axis."""
        return (weights * values).sum(0)

    def expect(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Compute `E[f(x_j) | z]` of a smooth function of values `[K, B, D]`, by a quadrature or a sum."""
        nodes = self.nodes(_NODES)
        return summed(function, nodes.values, nodes.log_weights.exp())

    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        """Impute under `Σ_k α_k p(x | z_k)`, `[B, D]`, for importance weights α `[K, B]`.

        Arguments:
            alpha: Importance weights.
            shape: Maps by which features are as they are here; what is imputed is mapped back.
        """
        return weighted_sum(alpha, self.mean if shape is None else self.expect(shape.inverse))


@runtime_checkable
class GaussianScaleMixture(Protocol):
    """What a likelihood has beside the rest if it's Gaussian given a latent scale, for closed forms."""

    def gaussians(self, distance: Callable[[Tensor], Tensor]) -> tuple[Tensor | None, Normal]:
        """Write p(x | z) as a mixture: logarithms of weights, and Gaussians, on an axis of components before.

        Arguments:
            distance: Function from means `[K, B, C]` to how far each lies from where the value must be,
                `[E, K, B, C]`; a heavy tail needs other components the further that is.
        """


@dataclass(frozen=True)
class Normal(GaussianScaleMixture, Likelihood):
    """Independent Gaussians `N(mean, scale²)`.

    Attributes:
        mean: Means, of any shape.
        scale: Standard deviations, broadcastable to `mean`.
    """

    mean: Tensor
    scale: Tensor

    @override
    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        residual = (x - self.mean) * (s / self.scale)
        constant = (s * (self.scale.log() + HALF_LOG_TWO_PI)).sum(-1)
        return residual.square().sum(-1).mul(-0.5) - constant

    @override
    def score(self, x: Tensor, s: Tensor) -> float:
        return 0.0

    def rsample(self, noise: Tensor) -> Tensor:
        """Return `mean + scale · noise`, a sample through which gradients flow."""
        return torch.addcmul(self.mean, self.scale, noise)

    def log_prob_of(self, noise: Tensor) -> Tensor:
        """Sum `Σ_j log N(x_j; mean_j, scale_j²)` at `x = rsample(noise)`, where it needs no x."""
        constant = (self.scale.log() + HALF_LOG_TWO_PI).sum(-1)
        return noise.square().sum(-1).mul(-0.5) - constant

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        return self.rsample(normal(self.mean, generator))

    @override
    def columns(self, index: Tensor) -> Normal:
        return Normal(self.mean.index_select(-1, index), features_at(self.scale, index))

    @override
    def pick(self, chosen: Tensor) -> Normal:
        # A constant scale has no axis of samples.
        scale = pick(self.scale, chosen) if self.scale.dim() == self.mean.dim() else self.scale
        return Normal(pick(self.mean, chosen), scale)

    @override
    def nodes(self, count: int) -> Nodes:
        """Take the trapezoidal rule, of spectral accuracy for a smooth integrand."""
        places = places_between(-_REACH, _REACH, count, self.mean)
        log_weights = (-0.5 * places.square()).log_softmax(0)
        return Nodes(self._at(over(places, self.mean)), over(log_weights, self.mean), places, self._at)

    def _at(self, places: Tensor) -> Tensor:
        return self.mean + self.scale * places

    @override
    def gaussians(self, distance: Callable[[Tensor], Tensor]) -> tuple[Tensor | None, Normal]:
        return None, self


def pick(values: Tensor, chosen: Tensor) -> Tensor:
    """Take M samples of each row, `values[chosen[m, b], b]`, of samples `[K, B, ...]`, as `[M, B, ...]`."""
    return values[chosen, torch.arange(values.shape[1], device=chosen.device)]


def summed(function: Callable[[Tensor], Tensor], values: Tensor, weights: Tensor) -> Tensor:
    """Sum `Σ_t w_t f(v_t)` over the first axis, a term at a time: together they'd overflow a cache."""
    terms = (weight * function(value) for weight, value in zip(weights, values, strict=True))
    return sum(terms, start=values.new_zeros(()))


def weighted_sum(alpha: Tensor, values: Tensor) -> Tensor:
    """Sum `Σ_k α_k v_k` of values `[K, B, ...]` under weights α `[K, B]`, as `[B, ...]`."""
    # As an einsum it'd be a product of matrices, for which torch copies the values into another order.
    return (alpha.reshape(*alpha.shape, *[1] * (values.dim() - 2)) * values).sum(0)


def features_at(parameter: Tensor, index: Tensor) -> Tensor:
    """Take a parameter's values for the features at `index`; one that all features share stays as it is."""
    return parameter if parameter.shape[-1] == 1 else parameter.index_select(-1, index)


def over(values: Tensor, like: Tensor) -> Tensor:
    """Put an axis before those of `like`: `[T]` becomes `[T, 1, ...]`."""
    return values.reshape(-1, *[1] * like.dim())


def places_between(first: float, last: float, count: int, like: Tensor) -> Tensor:
    """Space `count` places evenly, in the type and on the device of `like`."""
    return torch.linspace(first, last, count, dtype=like.dtype, device=like.device)


def standard_normal_log_prob(x: Tensor) -> Tensor:
    """Sum `Σ_d log N(x_d; 0, 1)` over the last axis."""
    return x.square().sum(-1).mul(-0.5) - x.shape[-1] * HALF_LOG_TWO_PI
