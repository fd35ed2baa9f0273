"""Root mean squared error."""

from typing_extensions import override

from notmiwae.metrics import rmse
from study.evaluation.imputed_table import ImputedTable
from study.evaluation.metrics.metric import Metric, metrics


@metrics.register("rmse")
class RMSE(Metric):
    """Root mean squared error of the imputed means."""

    @override
    def value(self, table: ImputedTable) -> float:
        return rmse(table.mean, table.truth)
