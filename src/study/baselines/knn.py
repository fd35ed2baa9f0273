"""The nearest neighbours."""

import numpy as np
from pydantic import PositiveInt
from sklearn.impute import KNNImputer
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.randomness import generator
from study.baselines.baseline import Baseline, baselines


@baselines.register("knn")
class KNN(Baseline):
    """The mean over the nearest rows, by the distance over jointly observed features.

    Attributes:
        neighbours: Number of rows whose mean is taken.
        donors: Number of rows of the table, drawn at random, among which they are looked for; null: all rows,
            of which the cost is quadratic.
    """

    neighbours: PositiveInt = 5
    donors: PositiveInt | None = None

    @property
    @override
    def deterministic(self) -> bool:
        return self.donors is None

    @override
    def _impute(self, values: Floats, seed: int) -> Floats:
        donors = values
        if self.donors is not None and self.donors < len(values):
            rows = generator(seed).choice(len(values), self.donors, replace=False)
            donors = values[rows]
            # A column of which no donor has a value keeps its mean.
            empty = np.isnan(donors).all(axis=0)
            donors[:, empty] = np.nanmean(values[:, empty], axis=0)
        imputer = KNNImputer(n_neighbors=self.neighbours).fit(donors)
        return np.asarray(imputer.transform(values), dtype=np.float64)
