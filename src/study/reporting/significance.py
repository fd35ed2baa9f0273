"""What the tests say: paired differences to two references, and ranks over data sets."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from study.evaluation.paired import DIFFERENCE_COLUMNS, row_differences, seed_differences
from study.evaluation.ranks import average_ranks, critical_difference, friedman, scores
from study.evaluation.replicates import RESULT_COLUMNS
from study.reporting.headline_tables import markdown
from study.reporting.methods import method_name
from study.reporting.names import EVERY_DATASET, dataset_name

BASELINES = "best baseline"
PAIRED_COLUMNS = ["test", "against", *DIFFERENCE_COLUMNS]
RANK_COLUMNS = RESULT_COLUMNS[:4]

_LEVEL = 0.95
"""Level of the confidence intervals."""
_SHOWN = 1e-3
"""Smaller p-values are shown as smaller than this."""


def paired(
    replicates: pd.DataFrame, errors: pd.DataFrame, baselines: Sequence[str], rival: str
) -> pd.DataFrame:
    """Test every model against the best baseline and against a rival model, over seeds and over rows.

    Arguments:
        replicates: Rows dataset, method, metric, replicate, value.
        errors: Rows as `row_differences` takes them.
        baselines: Names of the baselines.
        rival: Name of the model that all others are compared with.

    Returns:
        `PAIRED_COLUMNS`; test is `seeds` or `rows`, against `best baseline` or the rival's name.
    """
    tests = []
    for against, references, left_out in ((BASELINES, baselines, []), (rival, [rival], baselines)):
        seeds, rows = (table[~table["method"].isin(left_out)] for table in (replicates, errors))
        both = {"seeds": seed_differences(seeds, references), "rows": row_differences(rows, references)}
        for test, table in both.items():
            tests.append(table.assign(test=test, against=against)[PAIRED_COLUMNS])
    return pd.concat(tests, ignore_index=True)


def intervals(differences: pd.DataFrame) -> pd.DataFrame:
    """Give differences 95 % confidence limits `lower` and `upper`, and a last row for their mean.

    The data sets are given: the mean's error is that of the differences, not of a choice of data sets.

    Arguments:
        differences: Rows of one method, one test and one reference, `PAIRED_COLUMNS`.
    """
    mean = differences.iloc[:1].assign(
        dataset=EVERY_DATASET,
        reference=differences["against"],
        difference=differences["difference"].mean(),
        se=np.sqrt(np.square(differences["se"]).sum()) / len(differences),
        count=differences["count"].sum(),
        p=np.nan,
        p_holm=np.nan,
    )
    tail = (1 + _LEVEL) / 2
    reach = [
        *(student.ppf(tail, differences["count"] - 1) * differences["se"]),
        norm.ppf(tail) * mean["se"].item(),
    ]
    both = pd.concat([differences, mean], ignore_index=True)
    return both.assign(lower=both["difference"] - reach, upper=both["difference"] + reach)


def paired_table(differences: pd.DataFrame, method: str, datasets: Sequence[str]) -> str:
    """Tabulate a method against both references: difference, 95 % interval over rows, both tests' p.

    Arguments:
        differences: Rows as `paired` returns them.
        method: Name of the method.
        datasets: Data sets in the lines' order.
    """
    lines = []
    for _, chosen in differences[differences["method"] == method].groupby("against", sort=False):
        by_rows = intervals(chosen[chosen["test"] == "rows"]).set_index("dataset")
        p_seeds = chosen[chosen["test"] == "seeds"].set_index("dataset")["p_holm"]
        for dataset in (*datasets, EVERY_DATASET):
            row = by_rows.loc[dataset].to_dict()
            lines.append(
                [
                    dataset_name(dataset),
                    method_name(row["reference"]),
                    _signed(row["difference"]),
                    f"{_signed(row['lower'])} … {_signed(row['upper'])}",
                    _p_value(row["p_holm"]),
                    _p_value(p_seeds.get(dataset, np.nan)),
                ]
            )
    headings = ["Table", "less that of", "RMSE difference", "95 % interval (rows)", "p (rows)", "p (seeds)"]
    return markdown(headings, lines, names=2)


def ranking(results: pd.DataFrame) -> pd.DataFrame:
    """Average RMSE ranks over all data sets, best first; test them by Friedman's and the critical difference.

    Arguments:
        results: Rows dataset, method, metric, mean.

    Returns:
        `RANK_COLUMNS`: metric `rank` of each method, then of method `all` the metrics `friedman_f`,
        `friedman_p`, `critical_difference` and `tables`.
    """
    table = scores(results)
    ranks = average_ranks(table)
    statistic, p = friedman(table)
    distance = critical_difference(len(table.columns), len(table))
    rows = [(EVERY_DATASET, method, "rank", rank) for method, rank in ranks.itertuples(index=False)]
    rows += [
        (EVERY_DATASET, "all", "friedman_f", statistic),
        (EVERY_DATASET, "all", "friedman_p", p),
        (EVERY_DATASET, "all", "critical_difference", distance),
        (EVERY_DATASET, "all", "tables", float(len(table))),
    ]
    return pd.DataFrame(rows, columns=RANK_COLUMNS)


def equal_or_less(p: float) -> str:
    """Print a p-value as it stands after the letter: `= 0.012`, or `< 0.001`."""
    shown = _p_value(p)
    return shown if shown.startswith("<") else f"= {shown}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _p_value(p: float) -> str:
    if np.isnan(p):
        return "–"
    return f"< {_SHOWN:g}" if p < _SHOWN else f"{p:.3f}"
