"""The ladder in tables: RMSE by rung and method, and the really missing cells."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.reporting.headline_tables import markdown
from study.reporting.ladder_figures import rung_name, rungs_with
from study.reporting.ladder_results import AUTO, ORACLE, LadderResults
from study.reporting.methods import in_order, method_name

_OURS = (AUTO, "unknown", "told", "described", "miwae")
TABLE_METHODS = (*_OURS, "mice", "missforest", "knn", "constant", ORACLE)
"""Methods of the summary."""
_SPIKE_METRICS = {
    "bias": "bias",
    "rmse": "RMSE",
    "crps": "CRPS",
    "coverage90": "coverage",
    "fold_change": "fold change",
}
SPIKE_INS = {"natural_spiked": "spiked", "natural_background": "background"}


def by_rung(found: LadderResults, metric: str, methods: Sequence[str]) -> str:
    """Tabulate a metric, the mean over the tables of each rung, a line a rung and a column a method.

    A method is shown where it imputed all the rung's tables, the limit where it's known of all.
    """
    methods = [name for name in methods if found.values(metric, name).notna().any(axis=None)]
    lines = []
    for rung in rungs_with(found.values(metric, AUTO)):
        own = pd.DataFrame({name: found.values(metric, name).loc[rung] for name in methods})
        # A method that lacks one of the rung's tables has no mean that could be compared.
        means = own[own[AUTO].notna()].mean(skipna=False)
        shown = [float(means[name]) for name in methods]
        lines.append([rung_name(rung), *(_number(value) for value in shown)])
    return markdown(["What is missing", *map(method_name, methods)], lines)


def spike_in_table(found: LadderResults, mechanism: str) -> str:
    """Tabulate the metrics of really missing cells, of spiked peptides or of the background."""
    values = {metric: found.spike_ins(metric) for metric in _SPIKE_METRICS}
    lines = [
        [method_name(method), *(_number(_value(table, method, mechanism)) for table in values.values())]
        for method in in_order(values["rmse"].index)
    ]
    return markdown([SPIKE_INS[mechanism], *_SPIKE_METRICS.values()], lines)


def _value(table: pd.DataFrame, method: str, mechanism: str) -> float:
    return float(table[mechanism].get(method, np.nan))


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
