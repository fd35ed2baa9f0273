"""QRILC: draws below the detection limit of a Gaussian fitted to each column's quantiles."""

import numpy as np
from scipy.stats import norm
from typing_extensions import override

from notmiwae.arrays import Floats
from study.baselines.baseline import baselines
from study.baselines.left_censored import LeftCensored

_HIGHEST = 0.99
"""Highest quantile that is fitted."""
_STEP = 0.001


@baselines.register("qrilc")
class QRILC(LeftCensored):
    """Quantile regression imputation of left-censored data (Lazar's R package imputeLCMD, `impute.QRILC`).

    A column with a share p of missing values is taken as a Gaussian of which the lowest p weren't seen: its
    quantiles from p upwards, regressed on those of a standard normal, give mean and deviation. What is
    missing is drawn from that Gaussian below its quantile p.
    """

    @override
    def _draw(self, column: Floats, deviation: float, draw: np.random.Generator) -> Floats:
        missing = np.isnan(column)
        share = missing.mean()
        levels = np.linspace(_STEP, _HIGHEST + _STEP, 100)
        normal = norm.ppf(share + _STEP + (_HIGHEST - share) * np.linspace(0, 1, 100))
        slope, mean = np.polyfit(normal, np.quantile(column[~missing], levels), 1)
        below = draw.uniform(size=missing.sum()) * (share + _STEP)
        return np.asarray(mean + abs(slope) * norm.ppf(below))
