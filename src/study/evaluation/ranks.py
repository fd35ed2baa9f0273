r"""Methods' ranks over several data sets (Demšar, JMLR 2006).

A rank says which method is better on a data set, not by how much, and so makes tables with errors of
different size comparable. With few data sets it can show little: at six of them and twelve methods, average
ranks have to be 6.8 apart.
"""

import numpy as np
import pandas as pd
from scipy.stats import f as fisher
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from notmiwae.errors import DataError


def scores(results: pd.DataFrame, metric: str = "rmse") -> pd.DataFrame:
    """Arrange a metric's means, one row a data set, one column a method.

    Arguments:
        results: Rows dataset, method, metric, mean.
        metric: Name of the metric.

    Raises:
        DataError: a data set lacks one of the methods; leave out the one or the other.
    """
    chosen = results[results["metric"] == metric]
    table = chosen.pivot(index="dataset", columns="method", values="mean")
    if table.isna().any(axis=None):
        row, column = np.argwhere(table.isna().to_numpy())[0]
        dataset, method = table.index[row], table.columns[column]
        raise DataError(f"{dataset}: no {metric} of {method}; ranks need every method on every data set")
    return table


def average_ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Rank methods by their average rank over data sets: columns method and rank, the best (1: lowest) first.

    Arguments:
        table: Values, a row a data set, a column a method; low ones are good, equal ones share a mean rank.
    """
    ranks = rankdata(table.to_numpy(dtype=np.float64), axis=1).mean(axis=0)
    listed = pd.DataFrame({"method": table.columns, "rank": ranks})
    return listed.sort_values("rank", kind="stable", ignore_index=True)


def friedman(table: pd.DataFrame) -> tuple[float, float]:
    r"""Test whether all methods could be equally good: Iman & Davenport's F statistic and its p-value.

    $F = (n-1) \chi^2 / (n (m-1) - \chi^2)$, with $m - 1$ and $(m-1)(n-1)$ degrees of freedom, from Friedman's
    $\chi^2$ (corrected for ties) of m methods on n data sets.

    Raises:
        DataError: there are fewer than 3 methods or 2 data sets.
    """
    tables, methods = table.shape
    if methods < 3 or tables < 2:
        raise DataError(f"{methods} methods on {tables} data sets; the test needs 3 or more on 2 or more")
    chi2 = float(friedmanchisquare(*table.to_numpy(dtype=np.float64).T).statistic)
    rest = tables * (methods - 1) - chi2
    # Where all data sets agree on all ranks, F is infinite.
    statistic = (tables - 1) * chi2 / rest if rest > 1e-9 * chi2 else np.inf
    return statistic, float(fisher.sf(statistic, methods - 1, (methods - 1) * (tables - 1)))


def critical_difference(methods: int, tables: int, level: float = 0.05) -> float:
    r"""Compute Nemenyi's critical difference: average ranks further apart differ at `level`, in any pair.

    $\mathrm{CD} = q_\alpha \sqrt{m (m+1) / (6 n)}$ for m methods on n data sets, where $q_\alpha$ is the
    studentised range of m groups with infinite degrees of freedom, over $\sqrt 2$.
    """
    quantile = float(studentized_range.ppf(1 - level, methods, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(methods * (methods + 1) / (6 * tables)))
