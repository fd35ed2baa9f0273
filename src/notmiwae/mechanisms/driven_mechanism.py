"""What mechanisms share in which columns that stay complete decide over others."""

from typing import ClassVar, Self

import pandas as pd
from pydantic import model_validator
from typing_extensions import override

from notmiwae.mechanisms.mechanism import CalibratedMechanism, Names, Rate, Slope, require_distinct


class DrivenMechanism(CalibratedMechanism):
    """A mechanism with columns that drive it and lose nothing; a subclass states `_rule`.

    Attributes:
        columns: Names of the columns that can lose values; None is all but `given`, and `first_half` leaves
            out what is in `given`.
        given: Names of the columns that drive it, which lose nothing.
        rate: Mean over rows of the probability.
        slope: Steepness; a subclass says of what.
    """

    role: ClassVar[str] = "a driver"
    """What messages call a given column."""

    given: Names
    rate: Rate
    slope: Slope

    @model_validator(mode="after")
    def _given_columns_stay(self) -> Self:
        require_distinct("given", self.given)
        both = set(self.named_columns()) & set(self.given)
        if both:
            raise ValueError(f"{min(both)!r} is in columns and in given; {self.role} must stay complete")
        return self

    @override
    def targets(self, table: pd.DataFrame) -> list[str]:
        return [name for name in super().targets(table) if name not in self.given]

    @override
    def drivers(self) -> tuple[str, ...]:
        return self.given
