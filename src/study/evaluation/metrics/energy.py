"""Energy distance between imputed and true rows."""

import numpy as np
from typing_extensions import override

from notmiwae.metrics import energy_distance
from study.evaluation.imputed_table import ImputedTable
from study.evaluation.metrics.metric import Metric, metrics


@metrics.register("energy")
class Energy(Metric):
    """Energy distance between completed and true rows, the mean over completed tables."""

    needs = "rows"

    @override
    def value(self, table: ImputedTable) -> float:
        return float(np.mean([energy_distance(rows, table.true_rows) for rows in table.completed_rows]))
