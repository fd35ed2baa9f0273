"""Chained regressions: MICE and missForest, by scikit-learn's `IterativeImputer`."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - makes IterativeImputer importable
from sklearn.impute import IterativeImputer
from sklearn.linear_model import BayesianRidge

from notmiwae.arrays import Floats
from study.baselines.baseline import Baseline, baselines


class Chained(Baseline):
    """Regress each incomplete column on the others, over and over.

    Attributes:
        rounds: Passes over the columns at most.
        nearest_features: Regress on this many features, drawn by their correlation; null takes all.
    """

    rounds: PositiveInt = 10
    nearest_features: PositiveInt | None = None

    def regressor(self, state: np.random.RandomState) -> Any:
        """The unfitted regression of one column on the others."""
        raise NotImplementedError

    def _impute(self, values: Floats, seed: int) -> Floats:
        return self._chain(values, _random_state(seed), self.rounds)

    def _chain(
        self, values: Floats, state: np.random.RandomState, rounds: int, sample: bool = False
    ) -> Floats:
        """One chain's last completed table, `[N, D]`; `sample` draws from the regressions' predictions."""
        imputer = IterativeImputer(
            self.regressor(state),
            max_iter=rounds,
            n_nearest_features=self.nearest_features,
            skip_complete=True,
            sample_posterior=sample,
            random_state=state,
        )
        with warnings.catch_warnings():
            # The number of rounds is a dial (the published study used one on MNIST), not a mishap.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return np.asarray(imputer.fit_transform(values), dtype=np.float64)


@baselines.register("mice")
class MICE(Chained):
    """Chained equations with Bayesian ridge regression.

    The imputation is a chain of predictions, the published studies' "MICE"; it's no mean of the draws. The
    draws are multiple imputation proper (van Buuren & Groothuis-Oudshoorn 2011): M chains of their own, each
    value drawn from its regression's predictive distribution, of which the last round counts.

    Attributes:
        draws: M; 0 for none.
        draw_rounds: Passes over the columns of each draw's chain; five, as R's mice has by default.
    """

    draws: NonNegativeInt = 0
    draw_rounds: PositiveInt = 5

    @property
    def deterministic(self) -> bool:
        """See `Baseline.deterministic`: draws are random, and so are the nearest features."""
        return self.draws == 0 and self.nearest_features is None

    def regressor(self, state: np.random.RandomState) -> Any:
        """See `Chained.regressor`."""
        return BayesianRidge()

    def draw(self, table: pd.DataFrame, seed: int) -> Floats:
        """See `Baseline.draw`."""
        values = self._values(table)
        tables = np.empty((self.draws, *values.shape))
        for filled, own in zip(tables, np.random.SeedSequence(seed).generate_state(self.draws), strict=True):
            filled[:] = self._chain(values, _random_state(int(own)), self.draw_rounds, sample=True)
        return tables


@baselines.register("missforest")
class MissForest(Chained):
    """Chained random forests (Stekhoven & Bühlmann 2012).

    Attributes:
        trees: Trees of each forest.
        features_per_split: Share of the features tried at a split.
    """

    trees: PositiveInt = 100
    features_per_split: Annotated[float, Field(gt=0, le=1)] = 1.0

    @property
    def deterministic(self) -> bool:
        """See `Baseline.deterministic`."""
        return False

    def regressor(self, state: np.random.RandomState) -> Any:
        """See `Chained.regressor`."""
        return RandomForestRegressor(
            self.trees, max_features=self.features_per_split, random_state=state, n_jobs=1
        )


def _random_state(seed: int) -> np.random.RandomState:
    return np.random.RandomState(seed % 2**32)
