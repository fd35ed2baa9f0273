"""MinProb: draws around each column's lowest values."""

import numpy as np
from typing_extensions import override

from notmiwae.arrays import Floats
from study.baselines.baseline import baselines
from study.baselines.left_censored import LeftCensored

_LOWEST = 0.01
"""Quantile of a column around which is drawn."""


@baselines.register("min_prob")
class MinProb(LeftCensored):
    """Probabilistic minimum imputation (Lazar's R package imputeLCMD, `impute.MinProb`).

    Draws are Gaussian around the column's quantile 0.01, with the median of the rows' deviations, rows with
    half their values or more.
    """

    @override
    def _draw(self, column: Floats, deviation: float, draw: np.random.Generator) -> Floats:
        missing = np.isnan(column)
        centre = np.quantile(column[~missing], _LOWEST)
        return np.asarray(draw.normal(centre, deviation, size=missing.sum()))
