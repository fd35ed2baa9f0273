"""A table with categories as the usual imputers take it: standardised numbers, 0 and 1 for codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from notmiwae.arrays import Floats


@dataclass(frozen=True)
class Encoding:
    """How a table is encoded.

    Attributes:
        codes: Numbers of codes of the columns that hold categories.
        scaler: Scaler of the other columns, by what was observed of them; None: there are none.
    """

    codes: Mapping[str, int]
    scaler: StandardScaler | None

    @classmethod
    def of(cls, table: pd.DataFrame, codes: Mapping[str, int]) -> Self:
        """Fit an encoding to a table, NaN where missing."""
        numbers = table.drop(columns=list(codes))
        return cls(codes, StandardScaler().fit(numbers.to_numpy()) if numbers.shape[1] else None)

    def encode(self, table: pd.DataFrame) -> pd.DataFrame:
        """Encode a table: numbers, then for each code but the first a column, 1 where a row has it.

        With a column for the first code too, chained regressions would find each from its missing sisters.
        """
        numbers = table.drop(columns=list(self.codes))
        scaled = numbers
        if self.scaler:
            scaled = pd.DataFrame(self.scaler.transform(numbers.to_numpy()), columns=numbers.columns)
        ones = {
            f"{name}={code}": (table[name] == code).astype(float).mask(table[name].isna())
            for name, count in self.codes.items()
            for code in range(1, count)
        }
        return scaled.assign(**ones)

    def decode(self, values: Floats, table: pd.DataFrame) -> Floats:
        """Return completed values of the encoded columns as those of the table, whose own cells stay."""
        numbers = [name for name in table.columns if name not in self.codes]
        scaled = values[:, : len(numbers)]
        decoded = pd.DataFrame(
            self.scaler.inverse_transform(scaled) if self.scaler else scaled, columns=numbers
        )
        first = len(numbers)
        for name, count in self.codes.items():
            others = values[:, first : first + count - 1]
            shares = np.column_stack([1 - others.sum(axis=1), others])
            decoded[name] = shares.argmax(axis=1).astype(float)
            first += count - 1
        own = table.to_numpy(dtype=np.float64)
        filled: Floats = np.where(np.isnan(own), decoded[table.columns].to_numpy(), own)
        return filled
