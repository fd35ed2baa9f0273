"""Columns that hide their values at different ends (MNAR)."""

import numpy as np
import pandas as pd
from pydantic import PositiveFloat
from typing_extensions import override

from notmiwae.mechanisms.calibration import intercept, sigmoid, standardiser
from notmiwae.mechanisms.mechanism import CalibratedMechanism, Rate, Rule, mechanisms


@mechanisms.register("opposite_directions")
class OppositeDirections(CalibratedMechanism):
    r"""Self-masking whose direction changes from column to column: high values of the first, low of the next.

    $p_{nj} = \sigma(\pm \mathrm{slope} \cdot z_{nj} + b_j)$, $z$ the standardised value, $b_j$ by `rate`.

    Attributes:
        slope: Change of the log-odds by a standard deviation of the value.
        rate: Mean over rows of the probability, in every column.
    """

    slope: PositiveFloat
    rate: Rate

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        scales = [standardiser(complete[n].to_numpy(), f"{self.label}: column {n!r}") for n in targets]
        slopes = [self.slope * (-1) ** place for place in range(len(targets))]
        own = zip(targets, scales, slopes, strict=True)
        shifts = [
            intercept(slope * scale(complete[name].to_numpy()), self.rate) for name, scale, slope in own
        ]
        columns = list(zip(targets, scales, slopes, shifts, strict=True))
        return lambda rows: np.stack(
            [sigmoid(slope * scale(rows[name].to_numpy()) + shift) for name, scale, slope, shift in columns],
            axis=1,
        )
