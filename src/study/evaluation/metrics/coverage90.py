"""Coverage of the 90 % interval."""

from typing_extensions import override

from notmiwae.metrics import coverage
from study.evaluation.imputed_table import ImputedTable
from study.evaluation.metrics.metric import Metric, metrics


@metrics.register("coverage90")
class Coverage90(Metric):
    """Share of true values inside the central 90 % interval of their draws."""

    needs = "draws"

    @override
    def value(self, table: ImputedTable) -> float:
        return coverage(table.draws, table.truth)
