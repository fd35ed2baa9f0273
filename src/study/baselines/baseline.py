"""What is common to all baselines: a table in, a completed table out, and draws where a method has them."""

import numpy as np
import pandas as pd

from notmiwae.arrays import Floats
from notmiwae.errors import DataError
from notmiwae.specs import Registry, Spec


class Baseline(Spec):
    """An imputer to compare with; a subclass states `_impute`."""

    @property
    def deterministic(self) -> bool:
        """Tell whether the same table is always imputed the same way, its draws included."""
        return True

    def impute(self, table: pd.DataFrame, seed: int) -> Floats:
        """Complete a table, `[N, D]`.

        Raises:
            DataError: a column has no observed value.
        """
        return self._impute(self._values(table), seed)

    def draw(self, table: pd.DataFrame, seed: int) -> Floats:
        """Draw completed tables from the distribution of the missing values, `[M, N, D]`.

        M is 0 for a method that imputes once. Raises as `impute` does.
        """
        return np.empty((0, *self._values(table).shape))

    def _impute(self, values: Floats, seed: int) -> Floats:
        """Complete `values`, `[N, D]`, NaN where missing; every column has an observed value."""
        raise NotImplementedError

    @staticmethod
    def _values(table: pd.DataFrame) -> Floats:
        empty = table.columns[table.isna().all()]
        if len(empty):
            raise DataError(f"column {empty[0]!r} has no observed value; drop it")
        return table.to_numpy(dtype=np.float64, copy=True)


baselines: Registry[Baseline] = Registry("baseline", __package__)
