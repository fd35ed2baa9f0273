"""A value goes missing by itself and by what else is known of its row (MNAR)."""

from typing import Self

import numpy as np
import pandas as pd
from pydantic import FiniteFloat, model_validator
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.mechanisms.calibration import combination, intercept, sigmoid, standardiser
from notmiwae.mechanisms.mechanism import (
    CalibratedMechanism,
    Names,
    Rate,
    Rule,
    Slope,
    mechanisms,
    require_distinct,
)


@mechanisms.register("value_and_context")
class ValueAndContext(CalibratedMechanism):
    r"""$p_{nj} = \sigma(\mathrm{slope} \cdot z_{nj} + \mathrm{context} \cdot u_n + b_j)$.

    $z$ is the value, standardised, and $u$ the sum of the standardised `given` columns, standardised too, as
    in `mar_logistic`; $b_j$ makes the mean over rows `rate` (Heckman's selection, with a logistic link).

    Attributes:
        given: Names of the columns that are the context; they lose nothing.
        rate: Mean over rows of the probability, in every column.
        slope: Change of the log-odds by a standard deviation of the value.
        context: Change of the log-odds by a standard deviation of $u$.
    """

    given: Names
    rate: Rate
    slope: Slope
    context: FiniteFloat

    @model_validator(mode="after")
    def _context_stays(self) -> Self:
        require_distinct("given", self.given)
        both = set(self.named_columns()) & set(self.given)
        if both:
            raise ValueError(f"{min(both)!r} is in columns and in given; the context must stay complete")
        return self

    @override
    def targets(self, table: pd.DataFrame) -> list[str]:
        return [name for name in super().targets(table) if name not in self.given]

    @override
    def drivers(self) -> tuple[str, ...]:
        return self.given

    @override
    def _rule(self, complete: pd.DataFrame, targets: list[str]) -> Rule:
        total = combination(complete, self.given, None, self.label)
        scales = [standardiser(complete[n].to_numpy(), f"{self.label}: column {n!r}") for n in targets]

        def scores(rows: pd.DataFrame) -> Floats:
            values = [scale(rows[name].to_numpy()) for name, scale in zip(targets, scales, strict=True)]
            return self.slope * np.stack(values, axis=1) + self.context * total(rows)[:, None]

        own = scores(complete)
        shifts = np.array([intercept(own[:, j], self.rate) for j in range(len(targets))])
        return lambda rows: sigmoid(scores(rows) + shifts)
