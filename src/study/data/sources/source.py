"""What is common to all sources of complete tables: drawn, or read from a file."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from typing_extensions import override

from notmiwae.mechanisms.calibration import standardised
from notmiwae.specs import Registry, Spec


class Source(Spec):
    """Where complete tables come from."""

    fixed: ClassVar[bool] = False
    """Whether every replicate is the same table; otherwise each is drawn afresh."""

    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """Draw or read a complete table, `[N, D]`.

        Raises:
            DataError: a file is absent or altered.
        """
        raise NotImplementedError

    def codes(self) -> dict[str, int]:
        """Count the codes, from 0 on, of each column that holds categories; usually there are none."""
        return {}

    def diagnostics(self, table: npt.NDArray[np.float64]) -> dict[str, float]:
        """Compute the source's own metrics of completed rows `[N, D]`, by name; usually none."""
        return {}


sources: Registry[Source] = Registry("data set", __package__)


class RealTable(Source):
    """A table of measurements that is the same in every replicate.

    Attributes:
        standardise: Whether each column is scaled to mean 0 and standard deviation 1 (divisor N). It's done
            on the complete table, before values go missing, as in Ipsen et al. (2021).
    """

    fixed: ClassVar[bool] = True

    standardise: bool = False

    def read(self) -> pd.DataFrame:
        """Read the table as measured, all columns floats: finite, or NaN where a value is unknown."""
        raise NotImplementedError

    @override
    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """Read the table; nothing is random. A constant column can't be standardised."""
        table = self.read()
        if self.standardise:
            for name in table.columns:
                known = table[name].notna()
                values = table.loc[known, name].to_numpy()
                table.loc[known, name] = standardised(values, f"{self.label}: column {name!r}")
        return table

    @property
    def label(self) -> str:
        """Name of this table in messages."""
        return f"data set {self.kind}"
