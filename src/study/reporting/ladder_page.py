"""What `docs/ladder.template.md` is filled with: figures, tables and single values."""

import pandas as pd
from matplotlib.figure import Figure

from study.evaluation.ranks import average_ranks, critical_difference
from study.reporting import ladder_figures
from study.reporting.critical_difference import critical_differences
from study.reporting.ladder_results import LadderResults, ratio
from study.reporting.ladder_tables import SPIKE_INS, TABLE_METHODS, by_rung, spike_in_table

RANKED = ("auto", "unknown", "told", "miwae", "mice", "missforest", "knn", "mean", "constant")
"""Methods that are ranked: those that impute every table of numbers."""
_COMPARED = (
    ("auto", "miwae"),
    ("auto", "told"),
    ("unknown", "miwae"),
    ("told", "oracle"),
    ("described", "oracle"),
    ("miwae", "oracle"),
)
"""Methods, and what their errors are divided by in the prose."""


def ranking(found: LadderResults) -> pd.DataFrame:
    """Rank methods by RMSE over the cells that all impute: rows as `critical_differences` takes them."""
    tables = {name: found.values("rmse", name).stack() for name in RANKED}
    scores = pd.DataFrame(tables).dropna()
    ranks = average_ranks(scores).assign(metric="rank").rename(columns={"rank": "mean"})
    distance = critical_difference(len(RANKED), len(scores))
    last = pd.DataFrame([{"method": "", "metric": "critical_difference", "mean": distance}])
    return pd.concat([ranks, last], ignore_index=True)


def figures(found: LadderResults) -> dict[str, Figure]:
    """Draw all figures of the ladder, by name."""
    drawn = {
        "harm": ladder_figures.harm(found),
        "coverage": ladder_figures.coverage(found),
        "price": ladder_figures.price(found),
        "ranks": critical_differences(ranking(found)),
    }
    return drawn | ({"spike_ins": ladder_figures.spike_ins(found)} if found.has_spike_ins else {})


def blocks(found: LadderResults) -> dict[str, str]:
    """Write the tables of the page, by name."""
    spiked = {name: spike_in_table(found, mechanism) for mechanism, name in SPIKE_INS.items()}
    tables = {"rmse": "summary", "error_rate": "categories"}
    return {name: by_rung(found, metric, TABLE_METHODS) for metric, name in tables.items()} | spiked


def values_in_prose(found: LadderResults) -> dict[str, str]:
    """Return the single values that the page's prose mentions, by name."""
    values = {"replicates": str(found.results["replicates"].max())}
    for method, reference in _COMPARED:
        ratios = ratio(found, method, reference)
        for rung in ratios.index[ratios.notna().any(axis=1)]:
            own = ratios.loc[rung].dropna()
            values[f"{method} over {reference}, {rung}, worst"] = f"{own.max():.2f}"
            values[f"{method} over {reference}, {rung}, mean"] = f"{own.mean():.2f}"
    for row in found.results.itertuples():
        values[f"{row.method} {row.dataset} {row.mechanism} {row.metric}"] = f"{row.mean:.2f}".replace(
            "-", "−"
        )
    return values
