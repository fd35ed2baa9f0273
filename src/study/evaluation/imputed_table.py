"""An imputed table beside the truth, as its metrics see it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.arrays import Floats, Mask
from notmiwae.errors import DataError
from study.data.tables import ImputedCells, missing_cells

Need = Literal["truth", "draws", "rows", "unknown"]
"""What a metric needs: cells of known truth; their draws, too; rows of which all is known; unknown cells."""

_COMPLETED_DRAWS = 5
"""Draws of the whole table that enter the metrics of rows."""


@dataclass(frozen=True)
class ImputedTable:
    """The missing cells of a table as imputed and as they are.

    Attributes:
        imputed: Imputed cells, J of them.
        masked: Table that they complete, NaN where missing.
        complete: True table, NaN where nobody knows it.

    Raises:
        DataError: the imputed cells aren't the missing ones.
    """

    imputed: ImputedCells
    masked: pd.DataFrame
    complete: pd.DataFrame

    def __post_init__(self) -> None:
        row, column = missing_cells(self.masked)
        if not (np.array_equal(self.imputed.row, row) and np.array_equal(self.imputed.column, column)):
            raise DataError(
                f"{len(self.imputed.row)} imputed cells aren't the table's {len(row)} missing ones"
            )

    @cached_property
    def _values(self) -> Floats:
        return self.complete.to_numpy(dtype=np.float64)

    @cached_property
    def known(self) -> Mask:
        """Tell which of the missing cells have a known truth, `[J]`."""
        return np.isfinite(self._values[self.imputed.row, self.imputed.column])

    @cached_property
    def truth(self) -> Floats:
        """True values of the cells that are known, as `mean` and `draws` hold these cells alone."""
        return self._values[self.imputed.row, self.imputed.column][self.known]

    @cached_property
    def mean(self) -> Floats:
        """Imputed values of the cells that are known."""
        return self.imputed.mean[self.known]

    @cached_property
    def draws(self) -> Floats:
        """Draws of the cells that are known, M of each, `[·, M]`."""
        return self.imputed.draws[self.known]

    def has(self, need: Need) -> bool:
        """Say whether the table has what a metric needs."""
        return {
            "truth": bool(self.known.any()),
            "draws": bool(self.known.any()) and self._has_draws,
            "rows": len(self._incomplete) > 0,
            "unknown": not self.known.all(),
        }[need]

    @property
    def _has_draws(self) -> bool:
        return int(self.imputed.draws.shape[1]) > 1

    @cached_property
    def _incomplete(self) -> npt.NDArray[np.int64]:
        """Number the rows with missing cells, all of which are known."""
        row = self.imputed.row
        return np.setdiff1d(row, row[~self.known])

    @cached_property
    def true_rows(self) -> Floats:
        """Rows in which something is missing and all is known, `[·, D]`."""
        return self._values[self._incomplete]

    @cached_property
    def completed_rows(self) -> list[Floats]:
        """Complete the same rows by each of five draws, or by the means where there are none."""
        fillings = self.imputed.draws[:, :_COMPLETED_DRAWS].T if self._has_draws else [self.imputed.mean]
        return [self.imputed.fill(self.masked, filling)[self._incomplete] for filling in fillings]
