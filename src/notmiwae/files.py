"""Write files that are whole or absent, under a temporary name first; read JSON that may hold anything."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

MISSING = (
    *("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", "-", "."),
    *("#N/A", "#NA", "<NA>", "#NULL!", "#DIV/0!", "#VALUE!", "#NUM!", "#REF!"),
)
"""Fields of a text file that stand for a missing value."""
PARQUET = (".parquet", ".pq")
"""How the names of Parquet files end."""
_LARGEST = 2**26
"""Bytes of JSON that is read, at most."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; it takes the place of `path` if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_by_a_killed_run in path.parent.glob(f".{path.name}.*.tmp"):
        shutil.rmtree(left_by_a_killed_run)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if it's there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_file(path: Path) -> None:
    """Raise an `OSError` unless it's a file: a pipe or a device may have no end. A link to a file is one."""
    if not path.is_file():
        raise FileNotFoundError("no such file")


def read_json(path: Path) -> dict[str, Any]:
    """Read the mapping that `write_json` wrote: of limited size, with finite numbers.

    Raises:
        OSError: it can't be read, or is no file.
        ValueError: it's too large, or no JSON.
        TypeError: it's no mapping.
        RecursionError: it's nested too deeply.
    """
    check_file(path)
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it's too large; accepted: {_LARGEST:,} bytes at most")
    found = json.loads(content.decode("utf-8"), parse_constant=_no_number)
    if not isinstance(found, dict):
        raise TypeError(f"it holds {type(found).__name__}; accepted: a mapping")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name}; accepted: finite numbers")


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, a line at the end."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
