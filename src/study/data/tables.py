"""Tables on disk, one Parquet file a replicate, and the imputed cells that complete them.

Missing is NaN, and the mask is derived from it. A folder holds one table for each replicate, or a single one
where every replicate has the same table (fixed data under a deterministic mechanism).

A table of one's own is stored with the kinds of its columns: categories as words, numbers in pandas' nullable
dtypes. What computes reads it as numbers, categories as their codes; any other table has nothing but numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.arrays import Floats
from notmiwae.errors import DataError
from notmiwae.files import whole_file


def table_path(folder: Path, replicate: int) -> Path:
    """Name the file of a replicate's table in a stage's folder."""
    return folder / f"{replicate:03d}.parquet"


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, whole or not at all."""
    with whole_file(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write numbers with six significant digits, fewer than any of them means."""
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def read_table(folder: Path, replicate: int) -> pd.DataFrame:
    """Read a replicate's table as numbers, or the single one that all replicates share.

    Raises:
        DataError: the folder is absent, or holds neither.
    """
    return as_numbers(read_stored(folder, replicate))


def read_stored(folder: Path, replicate: int) -> pd.DataFrame:
    """Read the table that `read_table` reads as it's stored, with the kinds of its columns."""
    return pd.read_parquet(find_table(folder, replicate))


def has_kinds(stored: pd.DataFrame) -> bool:
    """Tell whether a table is stored with the kinds of its columns, as one's own is."""
    return any(pd.api.types.is_extension_array_dtype(dtype) for dtype in stored.dtypes)


def categories(stored: pd.DataFrame) -> dict[str, list[str]]:
    """List the words of each column of categories, in the order of their codes."""
    return {
        str(name): column.cat.categories.tolist()
        for name, column in stored.items()
        if isinstance(column.dtype, pd.CategoricalDtype)
    }


def as_numbers(stored: pd.DataFrame) -> pd.DataFrame:
    """Return a stored table as numbers, NaN where missing; categories become their codes."""
    if not has_kinds(stored):
        return stored
    words = categories(stored)
    codes = {name: stored[name].cat.codes.astype(float).where(stored[name].notna()) for name in words}
    rest = stored.drop(columns=list(words)).astype(np.float64)
    return rest.assign(**codes)[list(stored.columns)]


def with_kinds(numbers: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return numbers as a table that is stored with the kinds of another one's columns."""
    if not has_kinds(like):
        return numbers
    words = categories(like)
    columns: dict[str, Any] = {}
    for name in map(str, like.columns):
        dtype: Any = like[name].dtype
        codes = numbers[name].fillna(-1).astype(int).to_numpy() if name in words else None
        columns[name] = (
            numbers[name].astype(dtype) if codes is None else pd.Categorical.from_codes(codes, dtype=dtype)
        )
    return pd.DataFrame(columns)


def find_table(folder: Path, replicate: int) -> Path:
    """Find the file of the table that `read_table` reads; raise as it does."""
    shared = count_tables(folder) == 1
    path = table_path(folder, 0 if shared else replicate)
    if not path.is_file():
        raise DataError(f"{path}: no such table; run the stage that writes {folder}")
    return path


def count_tables(folder: Path) -> int:
    """Count the tables in a stage's folder.

    Raises:
        DataError: the folder is absent or empty.
    """
    count = len(list(folder.glob("[0-9]*.parquet")))
    if count == 0:
        raise DataError(f"{folder}: no tables there; run the stage that writes it")
    return count


@dataclass(frozen=True)
class ImputedCells:
    """The missing cells of a table, imputed; all other cells stay as they were observed.

    Attributes:
        row: Rows of the J missing cells, in row-major order.
        column: Columns of the missing cells.
        mean: Imputed values: estimates of E[x | observed], `[J]`.
        draws: Draws from the distribution of the missing values, `[J, M]`; M = 0 for a single imputation.
    """

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    mean: Floats
    draws: Floats

    def fill(self, table: pd.DataFrame, values: Floats | None = None) -> Floats:
        """Complete `table`, `[N, D]`: its missing cells hold `values` (default: the means)."""
        filled = table.to_numpy(dtype=np.float64, copy=True)
        filled[self.row, self.column] = self.mean if values is None else values
        return filled

    def within(self, columns: Sequence[int]) -> ImputedCells:
        """Return the cells of some columns, which are numbered as they are listed."""
        places = {column: place for place, column in enumerate(columns)}
        chosen = np.isin(self.column, columns)
        column = np.array([places[j] for j in self.column[chosen].tolist()], dtype=np.int64)
        return ImputedCells(self.row[chosen], column, self.mean[chosen], self.draws[chosen])

    def divided(self, units: Floats) -> ImputedCells:
        """Return the cells in other units, one for each column of the table."""
        unit = units[self.column]
        return ImputedCells(self.row, self.column, self.mean / unit, self.draws / unit[:, None])

    def write(self, path: Path) -> None:
        """Write as Parquet: columns row, column, mean, draw_0, draw_1, and so on."""
        frame = pd.DataFrame({"row": self.row, "column": self.column, "mean": self.mean})
        draws = pd.DataFrame(
            self.draws.astype(np.float32), columns=[f"draw_{m}" for m in range(self.draws.shape[1])]
        )
        write_table(pd.concat([frame, draws], axis=1), path)

    @classmethod
    def read(cls, path: Path) -> ImputedCells:
        """Read what `write` wrote."""
        frame = pd.read_parquet(path)
        draws = frame.drop(columns=["row", "column", "mean"]).to_numpy(dtype=np.float64)
        return cls(frame["row"].to_numpy(), frame["column"].to_numpy(), frame["mean"].to_numpy(), draws)

    @classmethod
    def of(cls, table: pd.DataFrame, filled: Floats, draws: Sequence[Floats] = ()) -> ImputedCells:
        """Take the missing cells of `table`, with their values in completed tables `filled` and `draws`.

        Raises:
            DataError: an imputed value isn't finite.
        """
        row, column = missing_cells(table)
        cells = [values[row, column] for values in draws]
        stacked = np.stack(cells, axis=1) if cells else np.empty((len(row), 0))
        mean = filled[row, column]
        for values in (mean, stacked):
            if not np.isfinite(values).all():
                at = int(np.flatnonzero(~np.isfinite(values).reshape(len(row), -1).all(1))[0])
                name = table.columns[column[at]]
                raise DataError(f"row {row[at]}, column {name!r}: imputed with a value that isn't finite")
        return cls(row, column, mean, stacked)


def missing_cells(table: pd.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """List rows and columns of the missing cells, in row-major order."""
    row, column = np.nonzero(table.isna().to_numpy())
    return row, column
