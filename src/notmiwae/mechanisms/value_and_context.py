"""A value goes missing by itself and by what else is known of its row (MNAR)."""

from typing import ClassVar

import pandas as pd
from pydantic import FiniteFloat
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.mechanisms.calibration import calibrated_rule, combination, standardised_columns
from notmiwae.mechanisms.driven_mechanism import DrivenMechanism
from notmiwae.mechanisms.mechanism import Rule, mechanisms


@mechanisms.register("value_and_context")
class ValueAndContext(DrivenMechanism):
    r"""$p_{nj} = \sigma(\mathrm{slope} \cdot z_{nj} + \mathrm{context} \cdot u_n + b_j)$.

    $z$ is the value, standardised, and $u$ the sum of the standardised `given` columns, standardised too, as
    in `mar_logistic`; $b_j$ makes the mean over rows `rate` (Heckman's selection, with a logistic link).

    Attributes:
        given: Names of the columns that are the context; they lose nothing.
        rate: Mean over rows of the probability, in every column.
        slope: Change of the log-odds by a standard deviation of the value.
        context: Change of the log-odds by a standard deviation of $u$.
    """

    role: ClassVar[str] = "the context"

    context: FiniteFloat

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        values = standardised_columns(complete, targets, self.label)
        total = combination(complete, self.given, None, self.label)

        def scores(rows: pd.DataFrame) -> Floats:
            return self.slope * values(rows) + self.context * total(rows)[:, None]

        return calibrated_rule(scores, complete, self.rate)
