"""A table of one's own, in which values are missing already."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from typing_extensions import override

from notmiwae.errors import DataError
from notmiwae.files import MISSING, PARQUET
from study.data.sources.csv_table import CsvTable
from study.data.sources.source import sources


@sources.register("table")
class OwnTable(CsvTable):
    """A table in which values are missing already, and perhaps nobody knows what they would have been.

    Numbers only, also as a Parquet file by its name's end. Columns of text are to be dropped here; the
    estimators and `notmiwae impute` model them.

    Attributes:
        missing: Fields that stand for a missing value.
    """

    missing: tuple[str, ...] = MISSING

    @override
    def read(self) -> pd.DataFrame:
        """Read the file's columns of numbers, NaN where a field stands for a missing value.

        Raises:
            DataError: as for `CsvTable`, but for empty fields; a column has no value at all.
        """
        table = super().read()
        for name in table.columns[table.isna().all()]:
            raise DataError(f"{self.file}: column {name!r} has no value at all; accepted: drop: [{name}]")
        return table

    @override
    def _fields(self) -> pd.DataFrame:
        if self.file.suffix.lower() not in PARQUET:
            return super()._fields()
        try:
            return pd.read_parquet(self.file)
        # Parquet's own errors are values that don't fit.
        except ValueError as error:
            raise DataError(f"{self.file}: is no Parquet file: {' '.join(str(error).split())}") from None

    @override
    def _numbers(self, column: pd.Series) -> npt.NDArray[np.float64]:
        unknown = column.isna() | column.astype(str).str.strip().isin(self.missing)
        numbers = np.full(len(column), np.nan)
        numbers[~unknown] = super()._numbers(column[~unknown])
        return numbers
