"""`notmiwae impute` of a table that is larger than memory: trained on some of its rows, filled in pieces."""

from __future__ import annotations

import argparse
import gzip
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notmiwae.cli import input_checks as checks
from notmiwae.cli import options, summary
from notmiwae.cli import saved_imputer as saved
from notmiwae.cli.chunked_io import CSVFile, RowFile, opened, sample
from notmiwae.cli.impute import completed, draws_asked, fitted
from notmiwae.cli.table_input import is_stata, is_workbook
from notmiwae.cli.table_output import frame_writer, long_format, table_writer, write_all
from notmiwae.errors import DataError, NotMIWAEError
from notmiwae.progress import progress_bar

if TYPE_CHECKING:
    import pandas as pd

    from notmiwae.cli.table_input import Table
    from notmiwae.estimators.columns import Column

WHOLE = 2**28
"""Bytes of a file up to which it's read as a whole."""
_SAMPLE = 100_000
"""Rows that a model is trained on: it sees half a million, the same ones again and again."""
_PIECE = 32 * 1024
"""Rows that are read, imputed and written at a time."""


def is_large(path: Path) -> bool:
    """Tell whether a file is read in pieces."""
    by_row = not is_workbook(path) and not is_stata(path)
    return by_row and path.is_file() and path.stat().st_size > WHOLE


@dataclass
class LargeTable:
    """A large file, read piece by piece.

    Attributes:
        typed: Options of the command.
        file: Reader of its rows.
        folder: Folder of pieces.
    """

    typed: argparse.Namespace
    file: RowFile
    folder: Path

    def sampled(self, kinds: dict[str, str], limits: Any, assumption: Any) -> Table:
        """Read some of its rows as a table to train on."""
        path = self.folder / f"sample{self.file.suffix}"
        rows, numbers = sample(self.file, _SAMPLE, _PIECE, self.typed.seed or 0)
        self.file.write(rows, path)
        with self._naming(path, " (a sample of its rows)"):
            return checks.read_rows(self._read_from(path), kinds, limits, assumption, numbers)

    def pieces(self, columns: Sequence[Column]) -> Iterator[tuple[int, Table]]:
        """Yield each piece with the number of its first row, its columns as they are known.

        Raises:
            DataError: a value is none of its column's.
        """
        first = 0
        for part in self.file.parts(_PIECE):
            path = self.folder / f"piece{self.file.suffix}"
            self.file.write(part, path)
            numbers = range(first, first + self.file.length(part))
            with self._naming(path):
                table = saved.read_rows(self._read_from(path), columns, numbers)
            yield first, table
            first += len(table.frame)

    def _read_from(self, path: Path) -> argparse.Namespace:
        typed = copy(self.typed)
        typed.input, typed.model = path, typed.model or "the sample"
        if isinstance(self.file, CSVFile):
            typed.separator = self.file.delimiter()
        return typed

    @contextmanager
    def _naming(self, path: Path, what: str = "") -> Iterator[None]:
        """Raise errors of a piece as errors of the file."""
        try:
            yield
        except NotMIWAEError as error:
            text = str(error).replace(str(path), f"{self.typed.input}{what}")
            raise type(error)(text) from None


def run(typed: argparse.Namespace, assumption: Any, kinds: dict[str, str], limits: Any) -> Any:
    """Check all pieces, train or load, impute piece by piece, write; returns what is to be said.

    Arguments:
        typed: Options of the command.
        assumption: Assumption on why values are missing.
        kinds: Kinds of columns, by name.
        limits: Limits of imputed numbers, by column.
    """
    for path in filter(None, [typed.output, typed.draws_out]):
        if is_workbook(path):
            raise DataError(
                f"{path}: {typed.input} is read in pieces, and no workbook is written so; accepted: "
                ".csv, .csv.gz, .tsv, .parquet"
            )
    if typed.mark_censored:
        pieces = f"{typed.input} is read in pieces, which get no further columns"
        raise DataError(f"--mark-censored: {pieces}; accepted: a smaller table, or without it")
    with tempfile.TemporaryDirectory(dir=typed.output.absolute().parent, prefix=".notmiwae-") as folder:
        table = LargeTable(typed, opened(typed.input, typed), Path(folder))
        size = f"{typed.input}: {typed.input.stat().st_size / 2**20:.0f} MiB, read in pieces"
        options.say(size, typed.quiet)
        if typed.model:
            imputer = saved.load(typed.model)
            columns = imputer.columns_
        else:
            from notmiwae.estimators.known_values import described

            rows = table.sampled(kinds, limits, assumption)
            typed.decimal = rows.csv.decimal if rows.csv else None
            # Some pieces may not tell.
            typed.ignore = [*dict.fromkeys([*typed.ignore, *rows.carried])]
            columns = described(rows.told, kinds, limits, options.censored(typed.censored))[1]
        # Before hours of work: can every value be used?
        found = _added_up([summary.of_table(piece) for _, piece in table.pieces(columns)])
        found["input"] = str(typed.input)
        options.say(summary.first_lines(found), typed.quiet)
        if not found["missing_cells"]:
            options.say(summary.NOTHING, typed.quiet)
            copies = 1 + draws_asked(typed)
            _write(typed, table, columns, lambda piece, _: [piece.frame] * copies, found["rows"])
            return found | {"notice": summary.NOTHING}
        if not typed.model:
            options.say(f"{len(rows.frame)} of its rows, drawn at random:", typed.quiet)
            imputer = fitted(typed, rows, assumption, kinds, limits)
        imputer.verbose = 0  # one bar for all pieces
        _write(
            typed,
            table,
            columns,
            lambda piece, first: completed(typed, imputer, piece, first),
            found["rows"],
        )
        if typed.model_out:
            imputer.save(typed.model_out)
        return found | summary.of_imputer(imputer)


def _write(
    typed: argparse.Namespace,
    table: LargeTable,
    columns: Sequence[Column],
    complete: Callable[[Table, int], list[pd.DataFrame]],
    rows: int,
) -> None:
    """Complete and write piece by piece; the files appear once all is done."""
    outputs = [typed.output, *filter(None, [typed.draws_out])]
    grown = {path: table.folder / f"grown{n}{_unpacked(path)}" for n, path in enumerate(outputs)}
    with progress_bar("impute", bool(options.verbose(typed))) as report, ExitStack() as stack:
        # Draws have a header in any case: their own columns' names aren't numbers.
        headers = [not typed.no_header, True]
        adders = [
            stack.enter_context(opened(path, typed, header).growing())
            for path, header in zip(grown.values(), headers, strict=False)
        ]
        for first, piece in table.pieces(columns):
            filled, *drawn = complete(piece, first)
            written = [table.folder / f"written{n}{_unpacked(path)}" for n, path in enumerate(grown)]
            table_writer(written[0], filled, piece)(written[0])
            if typed.draws_out:
                stacked = long_format(typed.draws_out, piece, drawn, first)
                frame_writer(written[1], stacked, piece, header=True)(written[1])
            for path, add in zip(written, adders, strict=True):
                add(path)
            report(first + len(filled), rows, 0.0)
    write_all({path: partial(_move, temporary) for path, temporary in grown.items()})


def _unpacked(path: Path) -> str:
    """Return how the name of a file ends that isn't compressed."""
    return Path(path.stem).suffix if path.suffix.lower() == ".gz" else path.suffix


def _move(grown: Path, to: Path) -> None:
    """Put a file in its place, compressed where the name of that, `.name.gz.….tmp`, asks for it."""
    if ".gz." not in to.name:
        grown.replace(to)
        return
    with grown.open("rb") as file, gzip.open(to, "wb") as packed:
        shutil.copyfileobj(file, packed)


def _added_up(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up what is said of all pieces."""
    found = parts[0]
    for more in parts[1:]:
        found["rows"] += more["rows"]
        found["missing_cells"] += more["missing_cells"]
        for name, count in more["missing"].items():
            found["missing"][name] = found["missing"].get(name, 0) + count
        found["identifiers"] = [name for name in found["identifiers"] if name in more["identifiers"]]
    return found
