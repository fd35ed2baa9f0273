"""What the imputers of proteomics share: each column by itself, by draws from below its limit."""

from abc import abstractmethod

import numpy as np
import pandas as pd
from pydantic import NonNegativeInt
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.randomness import generator
from study.baselines.baseline import Baseline


class LeftCensored(Baseline):
    """An imputer that takes missing values as too low to be seen. The imputation is a draw, as in its origin.

    Attributes:
        draws: Number M of multiple imputations; 0 for none.
    """

    draws: NonNegativeInt = 0

    @property
    @override
    def deterministic(self) -> bool:
        return False

    @override
    def draw(self, table: pd.DataFrame, seed: int) -> Floats:
        values = self._values(table)
        return np.array([self._impute(values, seed + 1 + m) for m in range(self.draws)]).reshape(
            -1, *values.shape
        )

    @override
    def _impute(self, values: Floats, seed: int) -> Floats:
        draw = generator(seed, "left censored")
        seen = np.isfinite(values)
        rows = values[(seen.mean(axis=1) >= 0.5) & (seen.sum(axis=1) > 1)]
        deviation = float(np.median(np.nanstd(rows, axis=1, ddof=1))) if len(rows) else 0.0
        filled = values.copy()
        for place in np.flatnonzero(~seen.all(axis=0)):
            column = values[:, place]
            constant = np.nanmin(column) == np.nanmax(column)
            # Of a constant column nothing else was ever seen.
            drawn = np.nanmin(column) if constant else self._draw(column, deviation, draw)
            filled[~seen[:, place], place] = drawn
        return filled

    @abstractmethod
    def _draw(self, column: Floats, deviation: float, draw: np.random.Generator) -> Floats:
        """Draw a column's missing values.

        Arguments:
            column: Values `[N]`, NaN where missing.
            deviation: Median of the rows' standard deviations.
            draw: Source of noise.
        """
