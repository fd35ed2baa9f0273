"""MICE: chained Bayesian ridge regressions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pydantic import NonNegativeInt, PositiveInt
from sklearn.linear_model import BayesianRidge
from typing_extensions import override

from notmiwae.arrays import Floats
from study.baselines.baseline import baselines
from study.baselines.chained import Chained, random_state


@baselines.register("mice")
class MICE(Chained):
    """Chained equations with Bayesian ridge regression.

    The imputation is a chain of predictions, the published studies' "MICE"; it's no mean of the draws. The
    draws are M chains of their own, of which the last round counts, each value drawn from its regression's
    predictive distribution.

    Attributes:
        draws: Number M of chains that are drawn; 0 for none.
        draw_rounds: Passes over the columns of each draw's chain; five, as R's mice has by default.
        draw_regressions: Whether a chain's regressions are drawn as well, once for all values of a column, as
            proper multiple imputation does (`mice.impute.norm` of R, van Buuren 2018, algorithm 3.1): draws
            then differ by what isn't known of the coefficients. scikit-learn's don't.
    """

    draws: NonNegativeInt = 0
    draw_rounds: PositiveInt = 5
    draw_regressions: bool = False

    @property
    @override
    def deterministic(self) -> bool:
        """Draws are random, and so are the nearest features."""
        return self.draws == 0 and self.nearest_features is None

    @override
    def regressor(self, state: np.random.RandomState) -> Any:
        return _DrawnRidge(lambda: state) if self.draw_regressions else BayesianRidge()

    @override
    def draw(self, table: pd.DataFrame, seed: int) -> Floats:
        values = self._values(table)
        tables = np.empty((self.draws, *values.shape))
        seeds = np.random.SeedSequence(seed).generate_state(self.draws)
        for completed, chain_seed in zip(tables, seeds, strict=True):
            completed[:] = self._chain(values, random_state(int(chain_seed)), self.draw_rounds, sample=True)
        return tables


class _DrawnRidge(BayesianRidge):  # type: ignore[misc]
    """A Bayesian ridge regression that draws itself before it says what values to draw.

    Arguments:
        state: Function that returns the generator; of a generator itself a copy would be made.
    """

    def __init__(self, state: Callable[[], np.random.RandomState]) -> None:
        super().__init__()
        self.state = state

    @override
    def fit(self, X: Floats, y: Floats, sample_weight: Floats | None = None) -> "_DrawnRidge":
        super().fit(X, y, sample_weight)
        self.rows_ = len(y)
        return self

    @override
    def predict(self, X: Floats, return_std: bool = False) -> Any:
        """Predict; with `return_std` by drawn coefficients, with the drawn deviation of the noise."""
        if not return_std:
            return super().predict(X)
        state, degrees = self.state(), max(self.rows_ - X.shape[1] - 1, 1)
        inflated = np.sqrt(degrees / state.chisquare(degrees))
        deviation = inflated / np.sqrt(self.alpha_)
        change = inflated * state.multivariate_normal(np.zeros(X.shape[1]), self.sigma_)
        shift = deviation / np.sqrt(self.rows_) * state.normal()
        drawn = super().predict(X) + (X - self.X_offset_) @ change + shift
        return drawn, np.full(len(X), deviation)
