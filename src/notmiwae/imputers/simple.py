"""The simple imputers: the mean, the nearest neighbours."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt
from sklearn.impute import KNNImputer, SimpleImputer

from notmiwae.imputers.base import Baseline, Floats, baselines


@baselines.register("mean")
class Mean(Baseline):
    """Each column's observed mean."""

    def _impute(self, values: Floats, seed: int) -> Floats:
        return np.asarray(SimpleImputer(strategy="mean").fit_transform(values), dtype=np.float64)


@baselines.register("knn")
class KNN(Baseline):
    """The mean over the nearest rows, by the distance over jointly observed features."""

    neighbours: PositiveInt = 5

    def _impute(self, values: Floats, seed: int) -> Floats:
        return np.asarray(KNNImputer(n_neighbors=self.neighbours).fit_transform(values), dtype=np.float64)
