"""Files that are too large to be read as a whole, cut into files of the same format that aren't."""

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from typing_extensions import override

from notmiwae.cli.csv_dialect import HEAD, find_separator, sep_line
from notmiwae.cli.table_input import is_parquet
from notmiwae.errors import DataError, ParameterError, flat

_MANY = 256
"""Different values of a column after which it's no column of names."""
_LONGEST = 2**20
"""Characters of a row, at most: a quote that is never closed isn't to swallow a file."""

Rows = list[str]


class RowFile(Protocol):
    """A file of rows, read and written some at a time; a part of it is what its own format makes of rows."""

    path: Path
    suffix: str

    def parts(self, size: int) -> Iterator[Any]:
        """Yield its rows, `size` at a time.

        Raises:
            DataError: it isn't of its format.
        """

    def length(self, part: Any) -> int:
        """Count the rows of a part."""

    def take(self, part: Any, chosen: Sequence[int]) -> Any:
        """Take the `chosen` rows of a part."""

    def join(self, parts: Sequence[Any]) -> Any:
        """Put the rows of several parts below each other."""

    def columns(self, part: Any) -> list[list[Any]]:
        """List the values of each column that may be one of names."""

    def write(self, part: Any, path: Path) -> None:
        """Write a part as a file."""

    def growing(self) -> AbstractContextManager[Callable[[Path], None]]:
        """Open this file, which is new, and give a function that adds files to it."""


@dataclass(frozen=True)
class CSVFile(RowFile):
    """The rows of a CSV file as they stand in it, each part below the header.

    Attributes:
        path: Path of the file.
        separator: Separator as the user says; None if it's to be found.
        encoding: Encoding as the user says; None: UTF-8.
        comment: What lines begin with that are passed over; None: none are.
        header: Whether the first row has the columns' names; else a part begins with an empty text.
    """

    path: Path
    separator: str | None
    encoding: str | None = None
    comment: str | None = None
    header: bool = True
    suffix: str = ".csv"

    @override
    def parts(self, size: int) -> Iterator[Rows]:
        rows = self._rows()
        header = next(rows, None) if self.header else ""
        if header is None:
            return
        while part := list(islice(rows, size)):
            yield [header, *part]

    def _rows(self) -> Iterator[str]:
        """Yield one row after the other, with the end of its line; in quotes it may have several lines."""
        row, one_column, number = "", False, -1 if self.header else 0
        try:
            separator = self.delimiter()
            with self.path.open(encoding=self._encoding, newline="") as file:
                for place, line in enumerate(file):
                    if place == 0 and sep_line(line):
                        continue
                    row += line
                    if row.count('"') % 2 and len(row) < _LONGEST:
                        continue
                    blank = not row.strip("\r\n")
                    if blank and one_column:
                        raise DataError(
                            f"{self.path}: an empty line, in a file of one column that is read in pieces, "
                            f"behind row {number}; accepted: NA for what is missing"
                        )
                    if not blank and not (self.comment and row.startswith(self.comment)):
                        number += 1
                        one_column = one_column or separator not in row
                        yield row if row.endswith(("\n", "\r")) else row + "\n"
                    row = ""
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.path}: behind row {max(number, 0)}, the byte 0x{error.object[error.start]:02x} isn't "
                f"{self._encoding.removesuffix('-sig')}; accepted: --encoding with the name of the text's, "
                "as cp1252 (Excel in western Europe and America)"
            ) from None
        except LookupError:
            raise ParameterError(
                f"--encoding: found {self.encoding!r}; accepted: as utf-8, latin-1, cp1252"
            ) from None
        if row:
            raise DataError(
                f"{self.path}: row {number + 1}: a quote that is opened isn't closed, from "
                f"{flat(row[:40])!r} on"
            )

    @property
    def _encoding(self) -> str:
        return self.encoding or "utf-8-sig"

    def delimiter(self) -> str:
        """Return the separator, as given or found."""
        if self.separator is not None:
            return self.separator.replace("\\t", "\t")
        with self.path.open(encoding=self._encoding, errors="replace") as file:
            return find_separator(file.read(HEAD + 1), self.comment)

    @override
    def length(self, part: Rows) -> int:
        return len(part) - 1

    @override
    def take(self, part: Rows, chosen: Sequence[int]) -> Rows:
        return [part[0], *(part[1 + row] for row in chosen)]

    @override
    def join(self, parts: Sequence[Rows]) -> Rows:
        return [parts[0][0], *(row for part in parts for row in part[1:])]

    @override
    def columns(self, part: Rows) -> list[list[str]]:
        cells = list(csv.reader(part, delimiter=self.delimiter()))
        # A header may lack a name above the names of rows.
        width = len(cells[min(1, len(cells) - 1)])
        return [[row[place] for row in cells[1:] if len(row) == width] for place in range(width)]

    @override
    def write(self, part: Rows, path: Path) -> None:
        path.write_bytes("".join(part).encode(self.encoding or "utf-8"))

    @override
    @contextmanager
    def growing(self) -> Iterator[Callable[[Path], None]]:
        with self.path.open("w", encoding=self.encoding or "utf-8", newline="") as file:
            pieces = count()

            def add(piece: Path) -> None:
                passed_over = 1 if next(pieces) and self.header else 0
                file.writelines(islice(CSVFile(piece, None, self.encoding)._rows(), passed_over, None))

            yield add


@dataclass(frozen=True)
class ParquetFile(RowFile):
    """The rows of a Parquet file: Arrow tables."""

    path: Path
    suffix: str = ".parquet"

    @override
    def parts(self, size: int) -> Iterator[Any]:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with self.path.open("rb") as file:
                left: list[Any] = []
                for batch in parquet.ParquetFile(file).iter_batches(size):
                    # A batch ends where a group of rows does.
                    left.append(pa.Table.from_batches([batch]))
                    while sum(map(len, left)) >= size:
                        table = pa.concat_tables(left)
                        yield table.slice(0, size)
                        left = [table.slice(size)]
                if sum(map(len, left)):
                    yield pa.concat_tables(left)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{self.path}: is no Parquet file: {error}") from None

    @override
    def length(self, part: Any) -> int:
        return len(part)

    @override
    def take(self, part: Any, chosen: Sequence[int]) -> Any:
        return part.take(list(chosen))

    @override
    def join(self, parts: Sequence[Any]) -> Any:
        import pyarrow as pa

        return pa.concat_tables(parts)

    @override
    def columns(self, part: Any) -> list[list[Any]]:
        import pyarrow as pa

        def names(kind: Any) -> Any:
            return pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)

        return [column.to_pylist() if names(column.type) else [] for column in part.columns]

    @override
    def write(self, part: Any, path: Path) -> None:
        from pyarrow import parquet

        parquet.write_table(part, path)

    @override
    @contextmanager
    def growing(self) -> Iterator[Callable[[Path], None]]:
        from pyarrow import parquet

        with ExitStack() as stack:
            writers: list[Any] = []

            def add(piece: Path) -> None:
                table = parquet.read_table(piece)
                if not writers:
                    writers.append(stack.enter_context(parquet.ParquetWriter(self.path, table.schema)))
                writers[0].write_table(table.cast(writers[0].schema))

            yield add


def opened(path: Path, typed: argparse.Namespace, header: bool | None = None) -> RowFile:
    """Return the file at a path, CSV or Parquet by its name's end, read as `parsers.add_reading` says.

    Arguments:
        path: File, which may be new.
        typed: Options of `parsers.add_reading`.
        header: Whether a CSV file has a header; None: as the options say.
    """
    if is_parquet(path):
        return ParquetFile(path)
    header = not typed.no_header if header is None else header
    return CSVFile(path, typed.separator, typed.encoding, typed.comment, header)


def sample(file: RowFile, size: int, at_a_time: int, seed: int) -> tuple[Any, list[int]]:
    """Draw rows of a file at random without replacement, in their order; return their numbers from 0, too.

    All rows are taken if there are no more. The first row with each of a column's values is among them, if
    these are few: a column of names is then known with all that it holds.

    Arguments:
        file: File of rows.
        size: Number of rows to draw.
        at_a_time: Number of rows that are read at a time.
        seed: Seed of the draw.
    """
    draw = np.random.default_rng(seed)
    kept: list[Any] = []
    numbers, ranks = np.empty(0, dtype=int), np.empty(0)
    first_rows: dict[int, dict[Any, int]] = {}  # by column, of each value; without those of too many values
    read = 0
    for part in file.parts(at_a_time):
        columns = file.columns(part)
        first_rows = first_rows if kept else {place: {} for place in range(len(columns))}
        for place, known in list(first_rows.items()):
            here = {value: read + row for row, value in reversed(list(enumerate(columns[place])))}
            first_rows[place] = here | known
            if len(first_rows[place]) > _MANY:
                del first_rows[place]
        kept.append(part)
        numbers = np.append(numbers, np.arange(read, read + file.length(part)))
        ranks = np.append(ranks, draw.random(file.length(part)))
        read += file.length(part)
        if read > size:
            wanted = [row for rows in first_rows.values() for row in rows.values()]
            order = np.argsort(np.where(np.isin(numbers, wanted), -1.0, ranks), kind="stable")
            chosen = np.sort(order[:size])
            kept, numbers, ranks = (
                [file.take(file.join(kept), chosen.tolist())],
                numbers[chosen],
                ranks[chosen],
            )
    if not kept:
        raise DataError(f"{file.path}: has no rows")
    return file.join(kept), numbers.tolist()
