"""Columns of a table mapped to what is Gaussian, for a comparison that their shapes don't mislead.

The tail of a skewed column, or the bound of one of shares, looks to a Gaussian model like what is left of a
Gaussian of which a part isn't seen. So an assumption by which values decide has to beat a model at random
that knows the shape of what was seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from notmiwae.arrays import Floats
from notmiwae.model.not_miwae import ModelSpec

_FARTHEST = 20.0
"""Standard deviations to which an outlier is drawn in: its square decides where components lie."""
_MOST_COMPONENTS = 4
_FLOOR = 0.1
"""Least standard deviation of one of several components: no spike may count without end."""
_MOST_VALUES = 2_000
"""Values that a mixture is fitted to at most."""
_EXTREME = 6.0
"""Standard deviations to which values are mapped at most."""


@dataclass(frozen=True)
class _Mixture:
    """A mixture of Gaussians in one dimension: weights, means and standard deviations, each `[K]`."""

    weights: Floats
    means: Floats
    deviations: Floats

    @classmethod
    def fit(cls, z: Floats) -> _Mixture:
        """Fit one to four components to values `[N]`, as many as have the least BIC."""
        z = z[:, None]
        fits = []
        for count in range(1, min(_MOST_COMPONENTS, len(np.unique(z))) + 1):
            floor = _FLOOR**2 if count > 1 else 0.0
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                fits.append(GaussianMixture(count, reg_covar=floor, random_state=0).fit(z))
        best = min(fits, key=lambda fit: float(fit.bic(z)))
        return cls(best.weights_, best.means_[:, 0], np.sqrt(best.covariances_[:, 0, 0]))

    def normal(self, z: Floats) -> Floats:
        """Map values `[N]` by `T(z) = Φ⁻¹(F(z))`, F the mixture's distribution function."""
        a = (z[:, None] - self.means) / self.deviations
        below, above = (
            np.exp(logsumexp(np.log(self.weights) + tail(a), axis=1)) for tail in (norm.logcdf, norm.logsf)
        )
        mapped: Floats = np.where(below < above, norm.ppf(below), norm.isf(above))
        return mapped.clip(-_EXTREME, _EXTREME)

    def log_slope(self, z: Floats) -> Floats:
        """Compute `log T′(z) = log f(z) − log φ(T(z))`, f the mixture's density."""
        a = (z[:, None] - self.means) / self.deviations
        density = logsumexp(np.log(self.weights) + norm.logpdf(a) - np.log(self.deviations), axis=1)
        slope: Floats = density - norm.logpdf(self.normal(z))
        return slope


def _thinned(z: Floats) -> Floats:
    """Return every n-th of values `[N]`, as many as a mixture is fitted to."""
    return z[:: max(-(-len(z) // _MOST_VALUES), 1)]


class NormalMargins:
    """A map of each column of quantities to what is Gaussian, `Φ⁻¹(F(x))`, F a mixture of Gaussians.

    F is the distribution of what was seen. A column that is Gaussian has one component, and stays as it is.

    Arguments:
        values: Table `[N, D]`, NaN where missing.
        columns: Columns of quantities that are mapped; the others stay as they are.
    """

    def __init__(self, values: Floats, columns: Sequence[int]) -> None:
        spread = np.nanstd(values, axis=0)
        self._mean, self._scale = np.nanmean(values, axis=0), np.where(spread > 0, spread, 1.0)
        samples = {column: _thinned(self._standardised(values, column)) for column in columns}
        # A column with a few other values among thousands is as good as constant.
        self._mixtures: Mapping[int, _Mixture] = {
            column: _Mixture.fit(z) for column, z in samples.items() if len(z) and np.ptp(z) > 0
        }
        self._mapped_scale = np.nanstd(self.transform(values), axis=0)

    def transform(self, values: Floats) -> Floats:
        """Map values `[N, D]`; NaN where missing."""
        mapped = values.copy()
        for column, mixture in self._mixtures.items():
            seen = ~np.isnan(values[:, column])
            mapped[seen, column] = mixture.normal(self._standardised(values, column))
        return mapped

    def network(self, network: ModelSpec) -> ModelSpec:
        """Return the networks of the mapped table: a mapped column has no shape to learn, and no limits."""
        shaped = np.flatnonzero(network.shaped(len(self._mean))).tolist()
        shapes = tuple(place for place in shaped if place not in self._mixtures)
        limits = tuple(
            (None, None) if place in self._mixtures else ends for place, ends in enumerate(network.limits)
        )
        return network.model_copy(update={"shapes": shapes, "limits": limits})

    @property
    def identity(self) -> bool:
        """Whether each column is Gaussian, so that all stay as they are."""
        return all(len(mixture.weights) == 1 for mixture in self._mixtures.values())

    def log_slope(self, values: Floats) -> Floats:
        """Compute the logarithm of the map's slope at values `[N, D]`, in standard deviations; 0 of NaN."""
        slopes = np.zeros(values.shape)
        for column, mixture in self._mixtures.items():
            seen = ~np.isnan(values[:, column])
            slope = mixture.log_slope(self._standardised(values, column))
            slopes[seen, column] = slope - np.log(self._mapped_scale[column])
        return slopes

    def log_jacobian(self, values: Floats) -> Floats:
        """Return `log_slope`, less what mixtures gain as they are judged by the values they were fitted to.

        With K components it's 3K − 3 nats a column more than with one (Akaike, 1974), dealt to its values.
        """
        gains = np.zeros(values.shape[1])
        for column, mixture in self._mixtures.items():
            gains[column] = 3.0 * (len(mixture.weights) - 1)
        seen = ~np.isnan(values)
        cost: Floats = seen * gains / np.maximum(seen.sum(axis=0), 1)
        return self.log_slope(values) - cost

    def _standardised(self, values: Floats, column: int) -> Floats:
        """Return the seen values of a column in standard deviations, outliers drawn in."""
        seen = values[~np.isnan(values[:, column]), column]
        z: Floats = (seen - self._mean[column]) / self._scale[column]
        return z.clip(-_FARTHEST, _FARTHEST)
