"""Standard input and output, pipes and links in the place of files: `-`, `/dev/stdin`, `<(…)`."""

from __future__ import annotations

import argparse
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from notmiwae.errors import DataError

_INPUTS, _OUTPUTS = ("input",), ("output", "draws_out", "figure")
"""Options that may name a stream."""
_STANDARD = Path("-")
_PACKED = {b"PAR1": ".parquet", b"\x1f\x8b": ".csv.gz", b"PK\x03\x04": ".xlsx", b"<stata_dta>": ".dta"}
"""How files begin that are no CSV, and how their names end."""


@contextmanager
def as_files(typed: argparse.Namespace) -> Iterator[dict[str, str]]:
    """Let options name files where streams were typed; what was written is passed on where the block ends.

    Yields what was typed, by the path that stands for it.

    Arguments:
        typed: Options, of which paths are replaced.

    Raises:
        DataError: a device that holds files is to be written to.
    """
    with tempfile.TemporaryDirectory(prefix="notmiwae-") as folder:
        names: dict[str, str] = {}
        passed_on: dict[Path, Path] = {}
        for option in _INPUTS:
            path = getattr(typed, option, None)
            if path is not None and _is_stream(path):
                taken = _taken(path, Path(folder) / option)
                names[str(taken)] = "standard input" if path == _STANDARD else str(path)
                setattr(typed, option, taken)
        for option in _OUTPUTS:
            path = getattr(typed, option, None)
            if path is None:
                continue
            if _is_stream(path):
                suffix = path.suffix if option == "figure" and path != _STANDARD else typed.writes
                own = (Path(folder) / option).with_suffix(suffix)
                passed_on[own] = path
                names[str(own)] = "standard output" if path == _STANDARD else str(path)
                setattr(typed, option, own)
            elif path.is_symlink():
                # A file that takes the link's place would leave the one that it names as it was.
                names[str(path.resolve())] = str(path)
                setattr(typed, option, path.resolve())
        yield names
        for own, path in passed_on.items():
            if own.exists():
                _pass_on(own, path)


def _is_stream(path: Path) -> bool:
    """Tell whether it's standard input or output, a pipe or a device; raise where nothing can be written."""
    if path == _STANDARD:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise DataError(f"{path}: is a device; accepted: a file, a pipe, or - for the standard one")
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _taken(path: Path, to: Path) -> Path:
    """Write what comes from a stream to a file, whose name ends as its content asks for."""

    def copied(stream: BinaryIO) -> None:
        with to.open("wb") as file:
            shutil.copyfileobj(stream, file)

    if path == _STANDARD:
        copied(sys.stdin.buffer)
    else:
        with path.open("rb") as stream:
            copied(stream)
    with to.open("rb") as file:
        first = file.read(16)
    suffix = next((suffix for begin, suffix in _PACKED.items() if first.startswith(begin)), ".csv")
    return to.rename(to.with_name(to.name + suffix))


def _pass_on(own: Path, path: Path) -> None:
    with own.open("rb") as file:
        if path == _STANDARD:
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with path.open("wb") as stream:
                shutil.copyfileobj(file, stream)
