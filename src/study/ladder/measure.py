"""How good a method's imputation of a table is."""

from pathlib import Path

import numpy as np
import pandas as pd

from notmiwae import metrics
from notmiwae.arrays import Mask
from notmiwae.files import whole_folder, write_json
from study.data.tables import write_table
from study.evaluation.replicates import METRICS, ROWS, summed_by_row
from study.ladder.ladder_cells import Cell, Completed, Task
from study.run.pipeline import EVALUATED


def measured_folder(method: str, cell: Cell) -> Path:
    """Name the folder of a cell as measured after a method imputed it."""
    return EVALUATED / method / f"{cell.dataset}-{cell.mechanism}" / f"{cell.replicate:03d}"


def measure(
    task: Task, completed: Completed, among: Mask | None = None
) -> tuple[dict[str, float], pd.DataFrame]:
    """Return the metrics of imputed cells, and their squared errors by row: row, cells, squared_error.

    Of numbers, in the table's units: `rmse`, `bias`, and of methods with draws `crps`, `coverage90` and
    `width90`; of codes `error_rate`. A metric without any cell is left out.

    Arguments:
        task: Masked and true table.
        completed: What the method made of it.
        among: Rows that count, `[N]`; None: all.
    """
    truth = task.complete.to_numpy(dtype=np.float64)
    cells = task.masked.isna().to_numpy() & np.isfinite(truth)
    if among is not None:
        cells &= among[:, None]
    is_code = task.masked.columns.isin(list(task.codes))
    values: dict[str, float] = {}
    row, column = np.nonzero(cells & ~is_code)
    unit = task.units[column]
    true, mean = truth[row, column] / unit, completed.mean[row, column] / unit
    if len(row):
        values |= {"rmse": metrics.rmse(mean, true), "bias": float((mean - true).mean())}
        if len(completed.draws) > 1:
            draws = completed.draws[:, row, column].T / unit[:, None]
            values |= {
                "crps": metrics.crps(draws, true),
                "coverage90": metrics.coverage(draws, true),
                "width90": metrics.width(draws),
            }
    coded = cells & is_code
    if coded.any():
        values["error_rate"] = float((completed.mean[coded] != truth[coded]).mean())
    return values, summed_by_row(row, np.square(mean - true))


def write_measured(cell: Cell, task: Task, completed: Completed, output: Path) -> None:
    """Write metrics and errors by row of each part of a cell into a folder, whole or not at all."""
    with whole_folder(output) as folder:
        for mechanism, rows in cell.parts().items():
            values, errors = measure(task, completed, rows)
            (folder / mechanism).mkdir()
            write_json(folder / mechanism / METRICS, values | cell.own_metrics(task, completed, rows))
            write_table(errors, folder / mechanism / ROWS)
