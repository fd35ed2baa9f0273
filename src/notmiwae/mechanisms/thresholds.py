"""Cut-offs of the threshold mechanism: a number, or a statistic of the column."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, FiniteFloat

from notmiwae.arrays import Floats
from notmiwae.specs import Spec


def _number_as_cut(cut: Any) -> Any:
    if isinstance(cut, int | float) and not isinstance(cut, bool):
        return {"statistic": "value", "at": cut}
    if isinstance(cut, Spec) or (isinstance(cut, Mapping) and "statistic" in cut):
        return cut
    raise ValueError("a cut is a number, or a mapping with a `statistic` (mean or quantile)")


class ValueCut(Spec):
    """The number `at`, mirrored in 0. In `params.yaml` the number alone stands for it."""

    statistic: Literal["value"] = "value"
    at: FiniteFloat

    def points(self, values: Floats) -> tuple[Floats, Floats]:
        """Compute the cut's mirror image and the cut of each column of `values`, (N, D) to twice (D,)."""
        cut = np.full(values.shape[1], self.at)
        return -cut, cut


class MeanCut(Spec):
    """The column's mean + `offset_sd` standard deviations (divisor N), mirrored in the mean."""

    statistic: Literal["mean"] = "mean"
    offset_sd: FiniteFloat = 0.0

    def points(self, values: Floats) -> tuple[Floats, Floats]:
        """Compute the cut's mirror image and the cut of each column of `values`, (N, D) to twice (D,)."""
        mean, offset = values.mean(axis=0), self.offset_sd * values.std(axis=0)
        return mean - offset, mean + offset


class QuantileCut(Spec):
    """The column's quantile `at`, in (0, 1); its mirror image is the quantile 1 − `at`."""

    statistic: Literal["quantile"] = "quantile"
    at: float = Field(gt=0, lt=1)

    def points(self, values: Floats) -> tuple[Floats, Floats]:
        """Compute the cut's mirror image and the cut of each column of `values`, (N, D) to twice (D,)."""
        mirror, cut = np.quantile(values, [1 - self.at, self.at], axis=0)
        return mirror, cut


Cut = Annotated[
    ValueCut | MeanCut | QuantileCut, Field(discriminator="statistic"), BeforeValidator(_number_as_cut)
]
