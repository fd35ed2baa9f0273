"""A limit of detection that is other in each row, and known (MNAR)."""

import numpy as np
import pandas as pd
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.mechanisms.calibration import standardised_columns
from notmiwae.mechanisms.mechanism import CalibratedMechanism, Rate, Rule, mechanisms


@mechanisms.register("row_limit")
class RowLimit(CalibratedMechanism):
    r"""Missing where a value lies below its row's limit: $z_{nj} < l_n + c_j$.

    $z$ is the value and $l$ the column `limit`, each standardised; $c_j$, a quantile of $z_j - l$, makes a
    share `rate` of the values go missing. An instrument's limit by batch, dilution or day is one.

    Attributes:
        limit: Name of the column that holds the limits, which loses nothing.
        rate: Share of the values that go missing, in every column.
    """

    limit: str
    rate: Rate

    @override
    def targets(self, table: pd.DataFrame) -> list[str]:
        return [name for name in super().targets(table) if name != self.limit]

    @override
    def drivers(self) -> tuple[str, ...]:
        return (self.limit,)

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        columns = standardised_columns(complete, [*targets, self.limit], self.label)

        def above(rows: pd.DataFrame) -> Floats:
            *values, limit = columns(rows).T
            difference: Floats = np.stack(values, axis=1) - limit[:, None]
            return difference

        cuts = np.quantile(above(complete), self.rate, axis=0)
        return lambda rows: above(rows) < cuts
