"""Columns of a table mapped to what is nearly Gaussian, for a comparison that skewed columns don't mislead.

The tail of a skewed column looks to a Gaussian model like what is left of a Gaussian whose other tail isn't
seen. So an assumption by which values decide has to beat a model at random that knows of the skewness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.preprocessing import PowerTransformer

from notmiwae.arrays import Floats

_FARTHEST = 20.0
"""Standard deviations to which an outlier is drawn in, whose power would be infinite."""


class NormalMargins:
    """A Yeo–Johnson transformation of each column of quantities (Yeo & Johnson, Biometrika 2000).

    Arguments:
        values: Table `[N, D]`, NaN where missing.
        columns: Columns of quantities that are mapped; the others stay as they are.
    """

    def __init__(self, values: Floats, columns: Sequence[int]) -> None:
        spread = np.nanstd(values, axis=0)
        self._quantities = [column for column in columns if spread[column] > 0]
        self._mean, self._scale = np.nanmean(values, axis=0), np.where(spread > 0, spread, 1.0)
        self._powers = PowerTransformer(standardize=False)
        if self._quantities:
            mapped = self._powers.fit_transform(self._standardised(values))
            self._mapped_scale = np.nanstd(mapped, axis=0)

    def transform(self, values: Floats) -> Floats:
        """Map values `[N, D]`; NaN where missing."""
        mapped = values.copy()
        if self._quantities:
            mapped[:, self._quantities] = self._powers.transform(self._standardised(values))
        return mapped

    def log_slope(self, values: Floats) -> Floats:
        """Compute the logarithm of the map's slope at values `[N, D]`, in standard deviations; 0 of NaN."""
        slopes = np.zeros(values.shape)
        if self._quantities:
            z = self._standardised(values)
            # dT/dz is (1 + z)^(λ − 1) above 0, and (1 − z)^(1 − λ) below.
            slope = (self._powers.lambdas_ - 1.0) * np.sign(z) * np.log1p(np.abs(z))
            slopes[:, self._quantities] = slope - np.log(self._mapped_scale)
        return np.nan_to_num(slopes)

    def _standardised(self, values: Floats) -> Floats:
        own = self._quantities
        z: Floats = (values[:, own] - self._mean[own]) / self._scale[own]
        return z.clip(-_FARTHEST, _FARTHEST)
