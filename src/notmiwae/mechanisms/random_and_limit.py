"""Some values lost at random beside those below a limit (MCAR and MNAR)."""

import numpy as np
import pandas as pd
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.mechanisms.mechanism import CalibratedMechanism, Rate, Rule, mechanisms


@mechanisms.register("random_and_limit")
class RandomAndLimit(CalibratedMechanism):
    r"""$p_{nj} = 1$ where $x_{nj}$ is below its column's quantile `below`, elsewhere `at_random`.

    Attributes:
        below: Share of each column's values that lie below its limit.
        at_random: Probability of a value above the limit to be lost all the same.
    """

    below: Rate
    at_random: Rate

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        limits = np.quantile(complete[targets].to_numpy(), self.below, axis=0)

        def probability(rows: pd.DataFrame) -> Floats:
            return np.where(rows[targets].to_numpy() < limits, 1.0, self.at_random)

        return probability
