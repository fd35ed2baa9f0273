"""What MICE and missForest share: chained regressions, by scikit-learn's `IterativeImputer`."""

import warnings
from typing import Any

import numpy as np
from pydantic import PositiveInt
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - makes IterativeImputer importable
from sklearn.impute import IterativeImputer
from typing_extensions import override

from notmiwae.arrays import Floats
from study.baselines.baseline import Baseline


class Chained(Baseline):
    """Regress each incomplete column on the others, over and over.

    Attributes:
        rounds: Most passes over the columns.
        nearest_features: Number of features to regress on, drawn by their correlation; null takes all.
    """

    rounds: PositiveInt = 10
    nearest_features: PositiveInt | None = None

    def regressor(self, state: np.random.RandomState) -> Any:
        """Make the unfitted regression of one column on the others."""
        raise NotImplementedError

    @override
    def _impute(self, values: Floats, seed: int) -> Floats:
        return self._chain(values, random_state(seed), self.rounds)

    def _chain(
        self, values: Floats, state: np.random.RandomState, rounds: int, sample: bool = False
    ) -> Floats:
        """Complete a table by one chain, `[N, D]`; `sample` draws from the regressions' predictions."""
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


def random_state(seed: int) -> np.random.RandomState:
    """Make scikit-learn's kind of generator from any seed."""
    return np.random.RandomState(seed % 2**32)
