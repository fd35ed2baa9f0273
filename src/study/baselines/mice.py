"""MICE: chained Bayesian ridge regressions."""

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
    draws are multiple imputation proper (van Buuren & Groothuis-Oudshoorn 2011): M chains of their own, each
    value drawn from its regression's predictive distribution, of which the last round counts.

    Attributes:
        draws: Number M of chains that are drawn; 0 for none.
        draw_rounds: Passes over the columns of each draw's chain; five, as R's mice has by default.
    """

    draws: NonNegativeInt = 0
    draw_rounds: PositiveInt = 5

    @property
    @override
    def deterministic(self) -> bool:
        """Draws are random, and so are the nearest features."""
        return self.draws == 0 and self.nearest_features is None

    @override
    def regressor(self, state: np.random.RandomState) -> Any:
        return BayesianRidge()

    @override
    def draw(self, table: pd.DataFrame, seed: int) -> Floats:
        values = self._values(table)
        tables = np.empty((self.draws, *values.shape))
        seeds = np.random.SeedSequence(seed).generate_state(self.draws)
        for completed, chain_seed in zip(tables, seeds, strict=True):
            completed[:] = self._chain(values, random_state(int(chain_seed)), self.draw_rounds, sample=True)
        return tables
