"""Read what the report is made of: an error names the file, and nothing is taken for granted."""

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from notmiwae.errors import DataError, flat
from notmiwae.files import read_json
from study.evaluation.replicates import RESULT_COLUMNS
from study.reporting.names import EVERY_DATASET
from study.reporting.result_files import read_rows
from study.site.chapters import Pipeline


def read_text(root: Path, path: str) -> str:
    """Read the text of a file.

    Raises:
        DataError: it's absent or no text.
    """
    try:
        return (root / path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read: {flat(error)}") from None


def read_results(root: Path, pipeline: Pipeline) -> pd.DataFrame:
    """Read a pipeline's results, without means over data sets: dataset, method, metric, mean, se, replicates.

    Raises:
        DataError: they're absent, or have other columns.
    """
    rows = read_rows(root / pipeline.reports / "results.csv", RESULT_COLUMNS, "report")
    return rows[rows["dataset"] != EVERY_DATASET]


def read_published(root: Path, pipeline: Pipeline) -> pd.DataFrame:
    """Read the published values beside them, with the same columns and `source`.

    Raises:
        DataError: they're absent, or have other columns.
    """
    return pd.DataFrame(read_rows(root / pipeline.reports / "published.csv", [*RESULT_COLUMNS, "source"]))


def read_environment(root: Path, pipeline: Pipeline) -> dict[str, Any]:
    """Read the versions that a pipeline's results were made with.

    Raises:
        DataError: they're absent or no mapping.
    """
    path = f"{pipeline.reports}/environment.json"
    try:
        return read_json(root / path)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: can't be read: {flat(error)}") from None


def repository(root: Path) -> str | None:
    """Read the repository's address from `[project.urls]` of pyproject.toml; None if none is given there.

    Raises:
        DataError: pyproject.toml is no TOML.
    """
    path = "pyproject.toml"
    if not (root / path).exists():
        return None
    try:
        project = tomllib.loads(read_text(root, path)).get("project", {})
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: is no TOML: {flat(error)}") from None
    addresses = {name.lower(): str(address) for name, address in project.get("urls", {}).items()}
    return addresses["repository"].rstrip("/") if "repository" in addresses else None
