"""Features standardised by what was observed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from notmiwae.arrays import Floats


@dataclass(frozen=True)
class Scaling:
    """Means and scales that standardise features by what was observed of them: `(x − mean) / scale`.

    Attributes:
        mean: Means of the features, `[D]`.
        scale: Standard deviations of the features, `[D]`.
    """

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, table: Floats, standardise: Sequence[bool]) -> Scaling:
        """Take means and standard deviations of observed values; 0 and 1 of columns not to `standardise`."""
        mean, scale = np.zeros(table.shape[1]), np.ones(table.shape[1])
        chosen = np.flatnonzero(standardise)
        mean[chosen] = np.nanmean(table[:, chosen], axis=0)
        deviation = np.nanstd(table[:, chosen], axis=0)
        # A constant feature stays as it is; rounding leaves it a tiny deviation. What is too small to be
        # squared has none.
        lowest, highest = np.nanmin(table[:, chosen], axis=0), np.nanmax(table[:, chosen], axis=0)
        spread = highest - lowest
        # Of a constant 1e150 the rounding of the mean alone is beyond single precision.
        mean[chosen] = np.clip(mean[chosen], lowest, highest)
        deviation = np.where(deviation > 0, deviation, spread)
        scale[chosen] = np.where(spread == 0, 1.0, deviation)
        return cls(mean, scale)

    @classmethod
    def read(cls, mean: object, scale: object, size: int) -> Scaling:
        """Read means and scales of `size` features as a file has them.

        Raises:
            ValueError: they aren't finite numbers, as many as the features, or a scale isn't positive.
        """
        scaling = cls(np.array(mean, dtype=np.float64), np.array(scale, dtype=np.float64))
        for name, values in (("mean", scaling.mean), ("scale", scaling.scale)):
            if values.shape != (size,) or not np.isfinite(values).all():
                raise ValueError(f"{name}: accepted: a finite number for each of {size} columns")
        if not (scaling.scale > 0).all():
            raise ValueError("scale: accepted: positive numbers")
        return scaling

    def tensors(self, table: Floats) -> tuple[Tensor, Tensor]:
        """Standardise rows, zero where missing, beside their mask: x and s, `[N, D]`, single precision."""
        observed = np.isfinite(table)
        x = np.where(observed, (table - self.mean) / self.scale, 0.0)
        return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(observed.astype(np.float32))

    def limits(self, ends: Sequence[tuple[float | None, float | None]]) -> tuple[Tensor, Tensor]:
        """Standardise lower and upper limits of all features, or of none: each `[D]`, infinite for none."""
        lower, upper = (
            np.array([each[side] for each in ends] or [None] * len(self.mean), dtype=np.float64)
            for side in (0, 1)
        )
        floor, ceiling = np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)
        standardised = ((each - self.mean) / self.scale for each in (floor, ceiling))
        first, last = (torch.from_numpy(each.astype(np.float32)) for each in standardised)
        return first, last

    def undo(self, x: Tensor) -> Floats:
        """Return standardised values `[..., D]` in the table's own units."""
        return x.double().cpu().numpy() * self.scale + self.mean
