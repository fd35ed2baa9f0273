"""Missing cells of a table of which it's known between which ends they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from notmiwae.arrays import Floats, Mask
from notmiwae.training.scaling import Scaling


@dataclass(frozen=True)
class KnownCells:
    """Cells known to lie between two ends, beside a table that holds a number of that size in each of them.

    So they are no gaps wherever the table is looked at, and stay with their rows wherever rows are taken.

    Attributes:
        columns: Indices of the columns that have such cells.
        ends: Lower and upper ends in the columns' units, `[N, C, 2]`, infinite where there is none; a cell
            without either isn't known.
    """

    columns: tuple[int, ...]
    ends: Floats

    def __getitem__(self, rows: Any) -> KnownCells:
        """Take some rows."""
        return KnownCells(self.columns, self.ends[rows])

    def among(self, cells: Mask) -> KnownCells:
        """Take those among some cells of the table, `[N, D]`."""
        ends = np.where(cells[:, self.columns, None], self.ends, [-np.inf, np.inf])
        return KnownCells(self.columns, ends)

    def repeated(self, times: int) -> KnownCells:
        """Put the same rows below each other."""
        return KnownCells(self.columns, np.tile(self.ends, (times, 1, 1)))

    def mask(self, size: int) -> Mask:
        """Tell which cells they are, of a table with so many columns, `[N, D]`."""
        mask = np.zeros((len(self.ends), size), dtype=bool)
        mask[:, self.columns] = np.isfinite(self.ends).any(axis=2)
        return mask

    def filled(self, values: Floats) -> Floats:
        """Put the end of each cell into a table `[N, D]`, or the middle of both ends."""
        lower, upper = np.moveaxis(self.ends, 2, 0)
        lower = np.where(np.isfinite(lower), lower, upper)
        middle = 0.5 * lower + 0.5 * np.where(np.isfinite(upper), upper, lower)
        filled = values.copy()
        filled[:, self.columns] = np.where(np.isfinite(middle), middle, filled[:, self.columns])
        return filled

    def clip(self, values: Floats) -> Floats:
        """Put values `[..., N, D]` of these cells between their ends; other cells stay."""
        clipped = values.copy()
        lower, upper = np.moveaxis(self.ends, 2, 0)
        clipped[..., self.columns] = np.clip(values[..., self.columns], lower, upper)
        return clipped

    def tensor(self, scaling: Scaling) -> Tensor:
        """Standardise the ends as values are, `[N, C, 2]`, in double precision."""
        mean, scale = (each[list(self.columns)][:, None] for each in (scaling.mean, scaling.scale))
        return torch.from_numpy((self.ends - mean) / scale)


def rows_of(known: KnownCells | None, rows: Any) -> KnownCells | None:
    """Take some rows of what is known, if anything is."""
    return None if known is None else known[rows]


def unseen(values: Floats, known: KnownCells | None) -> Mask:
    """Tell which cells are to be imputed: gaps, and those only known to lie between two ends, `[N, D]`."""
    gaps: Mask = np.isnan(values)
    return gaps if known is None else gaps | known.mask(values.shape[1])
