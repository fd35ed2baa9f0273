"""`notmiwae evaluate`: imputed values against the true ones, where these are known."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notmiwae.cli import parsers
from notmiwae.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from notmiwae.cli.table_input import Table

_EXAMPLES = """\
  notmiwae evaluate --truth complete.csv --masked masked.csv --imputed imputed.csv
  notmiwae evaluate --truth complete.csv --masked masked.csv --imputed imputed.csv --draws draws.csv --json

of cells that are missing in the masked table and known in the complete one:
  rmse        root mean squared error, in the column's own unit
  error_rate  of categories: the share that is another one
  crps, coverage90, width90   of draws: the continuous ranked probability score, the share of true values
              in the central 90 % interval, and its width
  …_sd        the same in standard deviations of the column's true values: only these are averaged over all
              columns, whose units differ"""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = parsers.add_parser(
        subparsers, "evaluate", "Compare imputed values with the true ones.", _EXAMPLES
    )
    parser.add_argument("--truth", type=Path, required=True, metavar="FILE", help="the complete table")
    parser.add_argument("--masked", type=Path, required=True, metavar="FILE", help="with missing values")
    parser.add_argument("--imputed", type=Path, required=True, metavar="FILE", help="the completed table")
    parser.add_argument(
        "--draws", type=Path, metavar="FILE", help="what impute --draws-out wrote; .imp 0 isn't a draw"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parsers.add_reading(parser)
    parser.set_defaults(run=run)


def run(typed: argparse.Namespace) -> int:
    """Read the tables, print the errors."""
    import pandas as pd

    from notmiwae.cli.table_input import read
    from notmiwae.cli.table_output import plain, print_json

    truth = read(typed.truth, typed)
    kinds = {str(name): _kind(truth.frame[name]) for name in truth.modelled}
    masked = _like(truth, read(typed.masked, typed, kinds))
    imputed = _like(truth, read(typed.imputed, typed, kinds))
    draws = _draws(truth, read(typed.draws, typed, kinds)) if typed.draws else []
    by_column = {}
    for name in masked:
        cells = (masked[name].isna() & truth.frame[name].notna()).to_numpy()
        if cells.any():
            _check_imputed(typed.imputed, imputed[name], cells)
            for each in draws:
                _check_imputed(typed.draws, each[name], cells)
            by_column[str(name)] = _column(
                truth.frame[name], imputed[name], [each[name] for each in draws], cells
            )
    if not by_column:
        raise DataError(f"{typed.masked}: no value is missing that {typed.truth} has")
    overall = _overall(list(by_column.values()))
    for found in by_column.values():
        found.pop("sd", None)
    if typed.json:
        print_json({"columns": by_column, "all": overall})
        return 0
    table = pd.DataFrame([*by_column.values(), overall], index=[*by_column, "all"]).map(plain)
    print(table.to_string(na_rep="", float_format=lambda value: f"{value:.4g}"))
    return 0


def _kind(column: pd.Series) -> str:
    return "categorical" if column.dtype == "category" or column.dtype.kind in "bO" else "continuous"


def _like(truth: Table, other: Table) -> pd.DataFrame:
    """Put another table's columns in the order of the true one's; raise `DataError` if they don't fit."""
    names = truth.modelled.columns
    for name in names:
        if name not in other.frame:
            raise DataError(f"{other.path}: column {name!r} of {truth.path} is absent")
    if len(other.frame) != len(truth.frame):
        raise DataError(
            f"{other.path}: has {len(other.frame)} rows; accepted: {len(truth.frame)}, as {truth.path}"
        )
    return other.frame[names]


def _draws(truth: Table, long: Table) -> list[pd.DataFrame]:
    """Return the completed tables of the long format, without the one that came."""
    from dataclasses import replace

    for name in (".imp", ".id"):
        if name not in long.frame or long.frame[name].dtype.kind not in "iu":
            raise DataError(
                f"{long.path}: no column {name!r} of whole numbers; accepted: what --draws-out wrote"
            )
    parts = long.frame[long.frame[".imp"] > 0].sort_values([".imp", ".id"]).groupby(".imp")
    found = [_like(truth, replace(long, frame=part.reset_index(drop=True))) for _, part in parts]
    if len(found) < 2:
        raise DataError(f"{long.path}: has {len(found)} draw(s); accepted: two or more")
    return found


def _check_imputed(path: Path, column: pd.Series, cells: Any) -> None:
    absent = cells & column.isna().to_numpy()
    if absent.any():
        raise DataError(
            f"{path}: column {column.name!r}: nothing in row {int(absent.argmax()) + 1} was imputed"
        )


def _column(truth: pd.Series, imputed: pd.Series, draws: list[pd.Series], cells: Any) -> dict[str, Any]:
    import numpy as np

    from notmiwae import metrics

    count = int(cells.sum())
    if _kind(truth) == "categorical":
        wrong = imputed[cells].astype(str).to_numpy() != truth[cells].astype(str).to_numpy()
        return {"cells": count, "error_rate": float(np.mean(wrong))}
    values, filled = (each.to_numpy(dtype=np.float64, na_value=np.nan)[cells] for each in (truth, imputed))
    sd = float(np.nanstd(truth.to_numpy(dtype=np.float64, na_value=np.nan)))
    error = metrics.rmse(filled, values)
    found = {"cells": count, "rmse": error, "rmse_sd": error / sd if sd else np.nan, "sd": sd}
    if draws:
        drawn = np.column_stack([each.to_numpy(dtype=np.float64)[cells] for each in draws])
        found |= {
            "crps": metrics.crps(drawn, values),
            "coverage90": metrics.coverage(drawn, values),
            "width90": metrics.width(drawn),
        }
        scaled = {f"{name}_sd": found[name] / sd if sd else np.nan for name in ("crps", "width90")}
        found |= scaled
    return found


def _overall(columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Average over the cells of all columns: squared errors, scores and shares, none of them in units."""
    import numpy as np

    found: dict[str, Any] = {"cells": sum(each["cells"] for each in columns)}
    names = [each for each in columns if "error_rate" in each]
    scaled = [each for each in columns if each.get("sd", 0.0) > 0]

    def mean(of: list[dict[str, Any]], values: list[float]) -> float:
        return float(np.average(values, weights=[each["cells"] for each in of]))

    if scaled:
        found["rmse_sd"] = mean(scaled, [each["rmse_sd"] ** 2 for each in scaled]) ** 0.5
        for name in ("crps_sd", "coverage90", "width90_sd"):
            if name in scaled[0]:
                found[name] = mean(scaled, [each[name] for each in scaled])
    if names:
        found["error_rate"] = mean(names, [each["error_rate"] for each in names])
    return found
