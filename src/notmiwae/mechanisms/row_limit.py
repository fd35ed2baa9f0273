"""A limit of detection that is other in each row, and known (MNAR)."""

import numpy as np
import pandas as pd
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.mechanisms.calibration import standardiser
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
        names = [*targets, self.limit]
        scales = [standardiser(complete[n].to_numpy(), f"{self.label}: column {n!r}") for n in names]

        def above(rows: pd.DataFrame) -> Floats:
            columns = [scale(rows[name].to_numpy()) for name, scale in zip(names, scales, strict=True)]
            return np.stack(columns[:-1], axis=1) - columns[-1][:, None]

        cuts = np.quantile(above(complete), self.rate, axis=0)
        return lambda rows: above(rows) < cuts
