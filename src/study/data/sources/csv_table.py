"""A text file of numbers."""

from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field
from typing_extensions import override

from notmiwae.errors import DataError
from notmiwae.specs import suggest
from study.data.checksums import Sha256, verify
from study.data.sources.source import RealTable, sources


@sources.register("csv")
class CsvTable(RealTable):
    """A text file with a row a line, its fields split by a separator.

    Attributes:
        file: Path of the file.
        sha256: Checksum of the file.
        separator: Character between fields, or `whitespace` for any run of blanks.
        names: Names of the columns where the file has none; null: they're its first line.
        drop: Names of columns to leave out: a class, a label; what is left has to be numbers.
    """

    file: Path
    sha256: Sha256
    separator: Annotated[str, Field(pattern="^(.|whitespace)$")] = ","
    names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    drop: tuple[str, ...] = ()

    @property
    @override
    def label(self) -> str:
        return str(self.file)

    @override
    def read(self) -> pd.DataFrame:
        """Read the file's columns of numbers, without those to drop.

        Raises:
            DataError: the file is absent or altered, or no table; a column to drop is unknown; a field is
                empty or no finite number.
        """
        verify(self.file, self.sha256)
        table = self._fields()
        for name in self.drop:
            if name not in table.columns:
                raise DataError(f"{self.file}: no column {name!r} to drop{suggest(name, table.columns)}")
        table = table.drop(columns=list(self.drop))
        if table.empty:
            raise DataError(
                f"{self.file}: {len(table)} rows and {table.shape[1]} columns, expected 1 or more"
            )
        return pd.DataFrame({name: self._numbers(table[name]) for name in table.columns})

    def _fields(self) -> pd.DataFrame:
        """Read the file's fields as text, its header as the columns' names."""
        separator = r"\s+" if self.separator == "whitespace" else self.separator
        try:
            # A header of pandas' own would turn fields too many in a line into an index without a word.
            text = pd.read_csv(self.file, sep=separator, header=None, dtype=str, na_filter=False)
        except (ValueError, pd.errors.EmptyDataError) as error:
            raise DataError(f"{self.file}: not a table of text: {' '.join(str(error).split())}") from None
        names = text.iloc[0].tolist() if self.names is None else list(self.names)
        rows = text.iloc[1:] if self.names is None else text
        if len(names) != text.shape[1] or len(set(names)) < len(names):
            raise DataError(
                f"{self.file}: {text.shape[1]} columns, expected a different name for each, "
                f"found {', '.join(names)}"
            )
        return rows.set_axis(names, axis=1).reset_index(drop=True)

    def _numbers(self, column: pd.Series) -> npt.NDArray[np.float64]:
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        for row, field in column[~np.isfinite(numbers)].items():
            found = "nothing" if field == "" else repr(field)
            raise DataError(f"{self.file}: row {row}, column {column.name!r}: {found}, expected a number")
        return numbers
