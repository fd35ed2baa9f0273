"""Continuous ranked probability score."""

from typing_extensions import override

from notmiwae.metrics import crps
from study.evaluation.imputed_table import ImputedTable
from study.evaluation.metrics.metric import Metric, metrics


@metrics.register("crps")
class CRPS(Metric):
    """Continuous ranked probability score of the draws."""

    needs = "draws"

    @override
    def value(self, table: ImputedTable) -> float:
        return crps(table.draws, table.truth)
