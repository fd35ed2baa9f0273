"""The column's mean."""

import numpy as np
from sklearn.impute import SimpleImputer
from typing_extensions import override

from notmiwae.arrays import Floats
from study.baselines.baseline import Baseline, baselines


@baselines.register("mean")
class Mean(Baseline):
    """Each column's observed mean."""

    @override
    def _impute(self, values: Floats, seed: int) -> Floats:
        return np.asarray(SimpleImputer(strategy="mean").fit_transform(values), dtype=np.float64)
