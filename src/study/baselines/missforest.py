"""missForest: chained random forests."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field, PositiveInt
from sklearn.ensemble import RandomForestRegressor
from typing_extensions import override

from study.baselines.baseline import baselines
from study.baselines.chained import Chained


@baselines.register("missforest")
class MissForest(Chained):
    """Chained random forests (Stekhoven & Bühlmann 2012).

    Attributes:
        trees: Number of trees of each forest.
        features_per_split: Share of the features tried at a split.
    """

    trees: PositiveInt = 100
    features_per_split: Annotated[float, Field(gt=0, le=1)] = 1.0

    @property
    @override
    def deterministic(self) -> bool:
        return False

    @override
    def regressor(self, state: np.random.RandomState) -> Any:
        return RandomForestRegressor(
            self.trees, max_features=self.features_per_split, random_state=state, n_jobs=1
        )
