"""A category that hides itself: it goes missing more often than the others (MNAR)."""

import numpy as np
import pandas as pd
from pydantic import FiniteFloat
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.mechanisms.mechanism import Mechanism, Rate, mechanisms


@mechanisms.register("hidden_category")
class HiddenCategory(Mechanism):
    """A code is missing with probability `hidden`, all others with probability `others`.

    Attributes:
        code: Code that hides itself.
        hidden: Probability of this code to go missing.
        others: Probability of any other code to go missing.
    """

    code: FiniteFloat
    hidden: Rate
    others: Rate

    @property
    @override
    def rowwise(self) -> bool:
        return True

    @override
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats:
        return np.where(table[targets].to_numpy() == self.code, self.hidden, self.others)
