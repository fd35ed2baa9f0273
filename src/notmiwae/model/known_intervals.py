"""Missing values of which it's known between which ends they lie: below a detection limit, above a top code.

Given z such a value adds to `log p(x_o | z)` what Tobin's model (Econometrica 1958) has of it,

    log p(l < x_j < u | z) = log[Φ((u − μ_j)/σ_j) − Φ((l − μ_j)/σ_j)]

with either end at infinity where there is none; its mean and draws are those of the Gaussian between the
ends. The missing process has no say: who knows the limit knows why the value isn't there (docs/method.md,
"Known limits").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from notmiwae.errors import ParameterError
from notmiwae.model.distributions import GaussianScaleMixture, Likelihood, Normal
from notmiwae.model.missing_process.missing_process import Missing
from notmiwae.model.missing_process.truncated_gaussian import Truncated
from notmiwae.model.shapes import Shape

_FAR = 30.0
"""Standard deviations beyond which a Gaussian has no mass in double precision."""


class KnownIntervals(Truncated):
    """x_j | z, l < x_j < u: features of which some values are known to lie between two ends, given z.

    Arguments:
        px: Law of these features given z, `[K, B, C]`: mixtures of Gaussians.
        ends: Lower and upper ends, `[B, C, 2]`; infinite where there is none. Of a value with neither
            `log_prob` is 0, and its mean and draws are of no use.

    Raises:
        ParameterError: the features aren't such mixtures.
    """

    def __init__(self, px: Likelihood, ends: Tensor) -> None:
        if not isinstance(px, GaussianScaleMixture):
            raise ParameterError("known limits: accepted: of features that are Gaussian, or mixtures of them")
        # Double precision, as a narrow interval far out has its ends close together.
        lower, upper = ends.double()[None, None].unbind(-1)
        has_lower, has_upper = lower.isfinite(), upper.isfinite()
        known = has_lower | has_upper
        # Infinities have no gradients.
        lower, upper = torch.where(has_lower, lower, 0.0), torch.where(has_upper, upper, 0.0)

        def distance(mean: Tensor) -> Tensor:
            below, above = has_lower * (lower - mean), has_upper * (mean - upper)
            return below.maximum(above).clamp_min(0.0)[0]

        log_weights, found = px.gaussians(distance)
        gaussians = Normal(found.mean.double(), found.scale.double())
        low, high = ((end - gaussians.mean) / gaussians.scale for end in (lower, upper))
        # Nor has an end any that lies so far out that there is no mass beyond it.
        lowest = torch.where(has_upper, high, 0.0).clamp_max(0.0) - _FAR
        low = torch.where(has_lower, low.maximum(lowest), lowest)
        highest = low.clamp_min(0.0) + _FAR
        high = torch.where(has_upper, high.minimum(highest), highest)
        super().__init__(gaussians, -low, high - low, log_weights)
        self.log_prob = torch.where(known[0], self.log_prob, 0.0).to(found.mean.dtype)

    @property
    @override
    def step(self) -> Tensor:
        return self.px.scale


@dataclass(frozen=True)
class PartlyKnown(Missing):
    """Missing values of which some are known to lie between two ends.

    Attributes:
        missing: The missing values as the missing process has them, to which a known one was shown as seen.
        px: Law of complete rows given z, p(x | z), `[K, B, D]`.
        columns: Indices of the features that may be known, `[C]`.
        ends: Their lower and upper ends, `[B, C, 2]`.
        cells: Which values are known, 1 or 0, `[B, D]`.
        intervals: The known values given z.
    """

    missing: Missing
    px: Likelihood
    columns: Tensor
    ends: Tensor
    cells: Tensor
    intervals: KnownIntervals

    @property
    @override
    def log_prob(self) -> Tensor:
        return self.by_feature().sum(-1)

    @override
    def by_feature(self) -> Tensor:
        return self.missing.by_feature() * (1.0 - self.cells)

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        own = None if shape is None else shape.columns(self.columns)
        return self._joined(self.missing.average(alpha, shape), self.intervals.average(alpha, own))

    @override
    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        values = self.missing.sample(chosen, generator)
        own = KnownIntervals(self.px.pick(chosen).columns(self.columns), self.ends)
        return self._joined(values, own.sample(generator))

    def log_prob_of(self, feature: int) -> Tensor | float:
        """Compute `log p(l < x_j < u | z)` of one feature, 0 of what isn't known, `[K, B]`, or 0."""
        places = self.columns.tolist()
        return self.intervals.log_prob[..., places.index(feature)] if feature in places else 0.0

    def _joined(self, values: Tensor, known: Tensor) -> Tensor:
        return torch.where(self.cells.bool(), in_columns(values, self.columns, known), values)


def in_columns(values: Tensor, columns: Tensor, own: Tensor) -> Tensor:
    """Put values of some features, `[..., C]`, in their places among those of all, `[..., D]`."""
    return values.index_copy(-1, columns, own.to(values.dtype))
