"""What is common to all metrics of imputed cells: one number of an imputed table beside the truth."""

from typing import ClassVar

from notmiwae.specs import Registry, Spec
from study.evaluation.imputed_table import ImputedTable, Need


class Metric(Spec):
    """A metric of imputed cells, named as it's registered; a subclass states `value`."""

    needs: ClassVar[Need] = "truth"
    """What a table has to have; the metric is left out of the results of other tables."""

    def value(self, table: ImputedTable) -> float:
        """Compute the metric of a table that has what it needs."""
        raise NotImplementedError


metrics: Registry[Metric] = Registry("metric", __package__)
