"""Seconds that jobs took, in a table of each run's own: nothing depends on them, and they're in no lock."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from notmiwae.files import whole_file

_CELL = ["dataset", "method", "metric"]
_COLUMNS = [*_CELL, "mean", "se", "replicates"]


def record_seconds(path: Path, dataset: str, method: str, metric: str, seconds: Sequence[float]) -> None:
    """Enter the seconds of a cell's jobs in a table, in place of what stood there.

    Arguments:
        path: CSV file of the table; it needn't be there.
        dataset: Name of the cell's data set.
        method: Name of the cell's method.
        metric: Name of the seconds.
        seconds: Seconds of each job; the table holds their mean and its standard error, 0 for a single one.
    """
    taken = pd.Series(seconds, dtype=float)
    error = taken.sem() if len(taken) > 1 else 0.0
    row = pd.DataFrame([(dataset, method, metric, taken.mean(), error, len(taken))], columns=_COLUMNS)
    if path.is_file():
        old = pd.read_csv(path)
        same = (old[_CELL] == [dataset, method, metric]).all(axis=1)
        row = pd.concat([old[~same], row]).sort_values(_CELL)
    with whole_file(path) as temporary:
        row.to_csv(temporary, index=False, float_format="%.3g", lineterminator="\n")
