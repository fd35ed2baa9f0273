"""Peptides spiked in at known amounts: cells that are really missing, of which the truth is known."""

import numpy as np
import pandas as pd
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.mechanisms.mechanism import Names
from study.data.sources.csv_table import CsvTable
from study.data.sources.source import sources


@sources.register("spikein")
class SpikeIn(CsvTable):
    """Logarithms (base 2) of intensities in runs at a low and at a high amount, NaN where nothing was read.

    What is missing at the low amount is known from the high one: the mean of the row's high runs, if all were
    read, plus a run's offset. A run's offset is the median of low less high over the stronger half of the
    rows in which nothing is missing, for spiked and other rows by themselves.

    Attributes:
        low: Names of the runs at the low amount.
        high: Names of the runs at the high amount.
        identifier: Name of the column with the peptides' names.
        spiked: Text that the names of spiked peptides hold; the others are the constant background.
    """

    low: Names
    high: Names
    identifier: str
    spiked: str

    @override
    def read(self) -> pd.DataFrame:
        intensities = self._fields()[[*self.low, *self.high]]
        numbers = {name: self._numbers(column.mask(column == "")) for name, column in intensities.items()}
        return pd.DataFrame({name: np.log2(values) for name, values in numbers.items()})

    def is_spiked(self) -> pd.Series:
        """Tell which rows are of spiked peptides."""
        return self._fields()[self.identifier].str.contains(self.spiked, regex=False)

    def truth(self) -> pd.DataFrame:
        """Return the table with what the high amount tells of the low one, NaN where nothing does."""
        table = self.read()
        spiked = self.is_spiked().to_numpy()
        low, high = table[list(self.low)].to_numpy(copy=True), table[list(self.high)].to_numpy().mean(axis=1)
        for rows in (spiked, ~spiked):
            expected = high[rows, None] + _offsets(low[rows], high[rows])
            low[rows] = np.where(np.isnan(low[rows]), expected, low[rows])
        return table.assign(**dict(zip(self.low, low.T, strict=True)))

    @override
    def _numbers(self, column: pd.Series) -> Floats:
        numbers: Floats = pd.to_numeric(column).to_numpy(dtype=np.float64)
        return numbers


def _offsets(low: Floats, high: Floats) -> Floats:
    """Compute each low run's median less the mean of the high ones, over strong rows without gaps."""
    whole = np.isfinite(low).all(axis=1) & np.isfinite(high)
    strong = whole & (high >= np.median(high[whole]))
    return np.asarray(np.median(low[strong] - high[strong, None], axis=0))
