"""The usual imputers, as scikit-learn has them: mean, nearest neighbours, MICE, missForest."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, PositiveInt
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - makes IterativeImputer importable
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import BayesianRidge

from notmiwae.errors import DataError
from notmiwae.params import Registry, Spec

Floats = npt.NDArray[np.float64]


class Baseline(Spec):
    """A single imputation by an estimator of scikit-learn."""

    @property
    def deterministic(self) -> bool:
        """Whether the same table is always completed the same way."""
        return True

    def imputer(self, seed: int) -> Any:
        """The unfitted estimator."""
        raise NotImplementedError

    def impute(self, table: pd.DataFrame, seed: int) -> Floats:
        """The completed table, `[N, D]`.

        Raises:
            DataError: a column has no observed value.
        """
        empty = table.columns[table.isna().all()]
        if len(empty):
            raise DataError(f"column {empty[0]!r} has no observed value; drop it")
        with warnings.catch_warnings():
            # The number of rounds is a dial (the published study used one on MNIST), not a mishap.
            warnings.simplefilter("ignore", ConvergenceWarning)
            filled = self.imputer(seed).fit_transform(table.to_numpy(dtype=np.float64))
        return np.asarray(filled, dtype=np.float64)


baselines: Registry[Baseline] = Registry("baseline")


@baselines.register("mean")
class Mean(Baseline):
    """Each column's observed mean."""

    def imputer(self, seed: int) -> Any:
        """See `Baseline.imputer`."""
        return SimpleImputer(strategy="mean")


@baselines.register("knn")
class KNN(Baseline):
    """The mean over the nearest rows, by the distance over jointly observed features."""

    neighbours: PositiveInt = 5

    def imputer(self, seed: int) -> Any:
        """See `Baseline.imputer`."""
        return KNNImputer(n_neighbors=self.neighbours)


@baselines.register("mice")
class MICE(Baseline):
    """Chained equations with Bayesian ridge regression, its predictions taken as the imputations.

    Attributes:
        rounds: Passes over the columns at most.
        nearest_features: Regress on this many of the most correlated features; null takes all.
    """

    rounds: PositiveInt = 10
    nearest_features: PositiveInt | None = None

    @property
    def deterministic(self) -> bool:
        """See `Baseline.deterministic`: the nearest features are drawn."""
        return self.nearest_features is None

    def imputer(self, seed: int) -> Any:
        """See `Baseline.imputer`."""
        return IterativeImputer(
            BayesianRidge(),
            max_iter=self.rounds,
            n_nearest_features=self.nearest_features,
            skip_complete=True,
            random_state=np.random.RandomState(seed % 2**32),
        )


@baselines.register("missforest")
class MissForest(Baseline):
    """Chained random forests (Stekhoven & Bühlmann 2012).

    Attributes:
        trees: Trees of each forest.
        rounds: Passes over the columns at most.
        nearest_features: Regress on this many features, drawn by their correlation; null takes all.
        features_per_split: Share of the features tried at a split.
    """

    trees: PositiveInt = 100
    rounds: PositiveInt = 10
    nearest_features: PositiveInt | None = None
    features_per_split: Annotated[float, Field(gt=0, le=1)] = 1.0

    @property
    def deterministic(self) -> bool:
        """See `Baseline.deterministic`."""
        return False

    def imputer(self, seed: int) -> Any:
        """See `Baseline.imputer`."""
        state = np.random.RandomState(seed % 2**32)
        forest = RandomForestRegressor(
            self.trees, max_features=self.features_per_split, random_state=state, n_jobs=1
        )
        return IterativeImputer(
            forest,
            max_iter=self.rounds,
            n_nearest_features=self.nearest_features,
            skip_complete=True,
            random_state=state,
        )
