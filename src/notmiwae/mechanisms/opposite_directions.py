"""Columns that hide their values at different ends (MNAR)."""

import numpy as np
import pandas as pd
from pydantic import PositiveFloat
from typing_extensions import override

from notmiwae.mechanisms.calibration import calibrated_rule, standardised_columns
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
        values = standardised_columns(complete, targets, self.label)
        slopes = self.slope * (-1.0) ** np.arange(len(targets))
        return calibrated_rule(lambda rows: slopes * values(rows), complete, self.rate)
