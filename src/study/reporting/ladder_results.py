"""The ladder's results: read from its cells, averaged over replicates, compared in pairs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from notmiwae.errors import DataError
from study.evaluation.paired import row_differences
from study.evaluation.replicates import METRICS, ROWS, summarise
from study.ladder.ladder_cells import Cell
from study.ladder.measure import measured_folder

KEYS = ["dataset", "mechanism", "method"]
RESULT_COLUMNS = [*KEYS, "metric", "mean", "se", "replicates"]
AUTO, TOLD, UNKNOWN, MIWAE, ORACLE = "auto", "told", "unknown", "miwae", "oracle"
DESCRIBED = "described"
_PAIRS = (
    (MIWAE, (AUTO, UNKNOWN, TOLD, DESCRIBED)),
    (TOLD, (AUTO, UNKNOWN)),
    (ORACLE, (AUTO, TOLD, DESCRIBED)),
)
"""References, and the methods that are compared with each."""
_APART = 10**6
"""Rows of replicates are told apart by this."""


@dataclass(frozen=True)
class LadderResults:
    """Everything that the ladder's figures and tables are made from.

    Attributes:
        results: Rows `RESULT_COLUMNS`.
        rungs: Names of the mechanisms, in their order.
        tables: Names of the tables, in their order.
    """

    results: pd.DataFrame
    rungs: list[str]
    tables: list[str]

    def values(self, metric: str, method: str) -> pd.DataFrame:
        """Arrange a method's metric, a row a rung and a column a table; NaN where they don't meet."""
        rows = self.results[(self.results["metric"] == metric) & (self.results["method"] == method)]
        arranged = rows.pivot(index="mechanism", columns="dataset", values="mean")
        return arranged.reindex(index=self.rungs, columns=self.tables)

    @property
    def has_spike_ins(self) -> bool:
        """Tell whether there are really missing cells among the results."""
        return not set(self.results["mechanism"]) <= set(self.rungs)

    def spike_ins(self, metric: str) -> pd.DataFrame:
        """Arrange a metric of the really missing cells: a row a method, a column a mechanism."""
        chosen = self.results[
            ~self.results["mechanism"].isin(self.rungs) & (self.results["metric"] == metric)
        ]
        return chosen.pivot(index="method", columns="mechanism", values="mean")


def read_ladder(methods: Iterable[str], all_cells: Sequence[Cell]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what each method made of the cells that it imputed.

    Returns:
        Results, rows `RESULT_COLUMNS`; and squared errors by row: `KEYS`, row, cells, squared_error.

    Raises:
        DataError: a method has imputed none.
    """
    values, errors = [], []
    for method in methods:
        found = [(cell, measured_folder(method, cell)) for cell in all_cells]
        found = [(cell, folder) for cell, folder in found if folder.is_dir()]
        if not found:
            raise DataError(f"{method}: no cell was imputed by it; run `dvc repro` in ladder/")
        for cell, folder in found:
            for mechanism in cell.parts():
                key = (cell.dataset, mechanism, method)
                metrics = json.loads((folder / mechanism / METRICS).read_text(encoding="utf-8"))
                values += [(*key, name, cell.replicate, value) for name, value in metrics.items()]
                rows = pd.read_parquet(folder / mechanism / ROWS)
                rows["row"] += _APART * cell.replicate
                errors.append(rows.assign(**dict(zip(KEYS, key, strict=True))))
    replicates = pd.DataFrame(values, columns=[*KEYS, "metric", "replicate", "value"])
    return summarise(replicates)[RESULT_COLUMNS], pd.concat(errors)


def paired_differences(errors: pd.DataFrame) -> pd.DataFrame:
    """Compare RMSE method by method on the same rows: difference, standard error over rows, p.

    Arguments:
        errors: Squared errors by row, of `read_ladder`.

    Returns:
        Rows dataset, mechanism, method, reference, difference, se, count (of rows), p.
    """
    parts = []
    for (_, mechanism), group in errors.assign(replicate=0).groupby(["dataset", "mechanism"], sort=False):
        for reference, methods in _PAIRS:
            known = group[group["method"].isin([reference, *methods])]
            if reference not in set(known["method"]):
                continue
            parts.append(row_differences(known, [reference]).assign(mechanism=str(mechanism)))
    columns = ["dataset", "mechanism", "method", "reference", "difference", "se", "count", "p"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def metric_files(results: pd.DataFrame) -> dict[Path, dict[str, float]]:
    """Return what `dvc metrics` shows, a file for each method and rung: RMSE, coverage and so on by table."""
    files: dict[Path, dict[str, float]] = {}
    shown = results[results["metric"].isin(["rmse", "coverage90", "bias", "error_rate"])]
    for (method, mechanism), rows in shown.groupby(["method", "mechanism"], sort=False):
        values = {f"{row.dataset} {row.metric}": float(f"{row.mean:.5g}") for row in rows.itertuples()}
        files[Path(f"{method}-{mechanism}.json")] = values
    return files


def ratio(found: LadderResults, method: str, reference: str) -> pd.DataFrame:
    """Divide a method's RMSE by a reference's, a row a rung and a column a table."""
    return found.values("rmse", method) / found.values("rmse", reference)


def geometric_mean(ratios: pd.DataFrame) -> pd.Series:
    """Average ratios over tables, `exp mean log`, for each rung."""
    logarithms = pd.DataFrame(np.log(ratios.to_numpy()), ratios.index, ratios.columns)
    return logarithms.mean(axis=1).map(np.exp)
