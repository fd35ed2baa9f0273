"""How much higher cells of unknown truth are imputed than what is observed in their columns."""

import numpy as np
from typing_extensions import override

from study.evaluation.imputed_table import ImputedTable
from study.evaluation.metrics.metric import Metric, metrics


@metrics.register("shift")
class Shift(Metric):
    """Mean of `(x̂ − mean_j) / sd_j` over cells of unknown truth: what a method says of these values."""

    needs = "unknown"

    @override
    def value(self, table: ImputedTable) -> float:
        unknown = ~table.known
        observed = table.masked.to_numpy(dtype=np.float64)
        column = table.imputed.column[unknown]
        deviation = np.nanstd(observed, axis=0)[column]
        difference = table.imputed.mean[unknown] - np.nanmean(observed, axis=0)[column]
        return float(np.mean(difference / np.where(deviation > 0, deviation, 1.0)))
