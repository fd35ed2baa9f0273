"""Width of the 90 % interval."""

from typing_extensions import override

from notmiwae.metrics import width
from study.evaluation.imputed_table import ImputedTable
from study.evaluation.metrics.metric import Metric, metrics


@metrics.register("width90")
class Width90(Metric):
    """Mean width of the central 90 % interval of the draws."""

    needs = "draws"

    @override
    def value(self, table: ImputedTable) -> float:
        return width(table.draws)
