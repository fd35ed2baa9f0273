"""Muzellec's logistic masks: columns decide over others, and lose values at random themselves."""

import numpy as np
import pandas as pd
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.mechanisms.mechanism import Rule, mechanisms
from notmiwae.mechanisms.missing_at_random import MARLogistic


@mechanisms.register("muzellec")
class Muzellec(MARLogistic):
    r"""Missing by what is missing elsewhere: what most papers' benchmarks call MNAR.

    Of `columns`, $p_{nj} = \sigma(\mathrm{slope} \cdot u_n + b)$ as in `mar_logistic`; the `given` columns,
    whose sum $u$ is, lose values completely at random at the same rate (Muzellec et al., ICML 2020, arXiv
    2002.03860, "MNAR_mask_logistic"). No value decides over itself.
    """

    @override
    def targets(self, table: pd.DataFrame) -> list[str]:
        return [*super().targets(table), *self.given]

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        by_sum = super()._rule(complete, targets)
        at_random = np.isin(targets, self.given)

        def probability(rows: pd.DataFrame) -> Floats:
            return np.where(at_random, self.rate, by_sum(rows))

        return probability
