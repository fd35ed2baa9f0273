"""Seconds that jobs took: `reports/timings.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from notmiwae.files import whole_file

_CELL = ["dataset", "method", "metric"]


def record_seconds(path: Path, dataset: str, method: str, metric: str, seconds: Sequence[float]) -> None:
    """Enter a cell's seconds a replicate in the table of timings, in place of what stood there.

    Timings are no output of the pipeline: they differ from run to run, and nothing depends on them.
    """
    error = np.std(seconds, ddof=1) / len(seconds) ** 0.5 if len(seconds) > 1 else 0.0
    row = (dataset, method, metric, np.mean(seconds), error, len(seconds))
    table = pd.DataFrame([row], columns=[*_CELL, "mean", "se", "replicates"])
    if path.is_file():
        old = pd.read_csv(path)
        same = (old[_CELL] == [dataset, method, metric]).all(axis=1)
        table = pd.concat([old[~same], table]).sort_values(_CELL)
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.3g", lineterminator="\n")
