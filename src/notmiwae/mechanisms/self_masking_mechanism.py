"""Self-masking mechanisms: whether a value goes missing depends on that value (MNAR)."""

from collections.abc import Callable
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import FiniteFloat, model_validator
from typing_extensions import override

from notmiwae.arrays import Floats, Mask
from notmiwae.mechanisms.calibration import intercept, sigmoid, standardiser
from notmiwae.mechanisms.mechanism import CalibratedMechanism, Rate, Rule, Slope, mechanisms
from notmiwae.mechanisms.thresholds import Cut, MeanCut, QuantileCut


@mechanisms.register("threshold")
class Threshold(CalibratedMechanism):
    r"""Self-masking at a cut, strictly: missing where $x_{nj} > c_j$ (MNAR).

    With `side: lower` where $x_{nj} < c_j$; with `both` where $x_{nj} > c_j$ or $x_{nj} < c'_j$, the cut's
    mirror image: $|x| > c$ for a number, $|x - \bar x| > k \cdot \mathrm{sd}$ for the mean, outside the
    quantiles $[1 - q, q]$ for a quantile. The default, the mean, is that of Ipsen et al. (ICLR 2021,
    arXiv 2006.12871).

    Attributes:
        cut: Cut-off $c_j$: a number, or a statistic of the column.
        side: Side of the cut on which values go missing.
    """

    cut: Cut = MeanCut()
    side: Literal["upper", "lower", "both"] = "upper"

    @model_validator(mode="after")
    def _mirror_image_is_below(self) -> Self:
        reach = self.cut.offset_sd if isinstance(self.cut, MeanCut) else self.cut.at
        least = 0.5 if isinstance(self.cut, QuantileCut) else 0.0
        if self.side == "both" and reach < least:
            raise ValueError(f"side 'both' needs the cut's number to be {least:g} or more, found {reach:g}")
        return self

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        mirror, cut = self.cut.points(complete[targets].to_numpy())

        def missing(rows: pd.DataFrame) -> Mask:
            values = rows[targets].to_numpy()
            if self.side == "upper":
                above: Mask = values > cut
                return above
            if self.side == "lower":
                below: Mask = values < cut
                return below
            outside: Mask = (values < mirror) | (values > cut)
            return outside

        return missing


@mechanisms.register("self_masking_logistic")
class SelfMaskingLogistic(CalibratedMechanism):
    r"""Self-masking with a soft threshold (MNAR).

    $p_{nj} = \sigma(\mathrm{slope} \cdot (x_{nj} - b_j) / u_j)$

    Attributes:
        slope: Steepness; a negative one makes low values go missing.
        rate: Mean over rows of $p_{nj}$, in every column, by which $b_j$ is chosen.
        midpoint: Midpoint $b_j$ itself, in the columns' units. Exactly one of the two is given.
        per: Unit $u_j$: the column's own standard deviation, `sd`, or 1, `unit`, where all columns have one
            unit, as pixels do (the clipped images of Ipsen et al. 2021, §4.3).
    """

    slope: Slope
    rate: Rate | None = None
    midpoint: FiniteFloat | None = None
    per: Literal["sd", "unit"] = "sd"

    @model_validator(mode="after")
    def _one_location(self) -> Self:
        if (self.rate is None) == (self.midpoint is None):
            raise ValueError("give exactly one of rate and midpoint")
        return self

    @property
    @override
    def rowwise(self) -> bool:
        return self.per == "unit" and self.rate is None

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        columns = [self._column(complete[name].to_numpy(), name) for name in targets]
        return lambda rows: np.stack(
            [one(rows[name].to_numpy()) for name, one in zip(targets, columns, strict=True)], axis=1
        )

    def _column(self, complete: Floats, name: str) -> Callable[[Floats], Floats]:
        mean, unit = 0.0, 1.0
        scale: Callable[[Floats], Floats] = np.asarray
        if self.per == "sd":
            mean, unit = complete.mean(), complete.std()
            scale = standardiser(complete, f"{self.label}: column {name!r}")
        if self.rate is not None:
            shift = intercept(self.slope * scale(complete), self.rate)
        else:
            assert self.midpoint is not None  # by _one_location
            shift = -self.slope * (self.midpoint - mean) / unit
        return lambda values: sigmoid(self.slope * scale(values) + shift)
