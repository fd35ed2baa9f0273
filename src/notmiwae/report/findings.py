"""What a report says of a table, in numbers: models are trained, checked and compared here."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from notmiwae.arrays import Floats
from notmiwae.errors import AssumptionWarning
from notmiwae.estimators.assumptions import AUTO
from notmiwae.estimators.check import Check
from notmiwae.estimators.choice import AT_RANDOM
from notmiwae.estimators.columns import Column
from notmiwae.estimators.comparison import Comparison
from notmiwae.estimators.known_values import in_numbers
from notmiwae.estimators.miwae_imputer import MIWAEImputer
from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer
from notmiwae.estimators.pooling import pool_means
from notmiwae.estimators.sensitivity import Sensitivity, sensitivity
from notmiwae.progress import Report, silent

WORDS = ("mar", "low", "high")
"""Assumptions under which the table is imputed beside the one that was said."""
_CHECKED = 100
"""Masks that are drawn for the checks."""
_LEVELS = 12
"""Categories of a column whose shares are estimated, the commonest."""


@dataclass(frozen=True)
class Findings:
    """All that a page shows of a table.

    Attributes:
        rows: The columns that were modelled, with missing cells.
        imputer: Imputer that was fitted to them.
        draws: Completed tables.
        estimates: Pooled means and shares; see `estimates`.
        checks: What became of the checks of the gaps.
        comparison: How well assumptions foretell rows; None where they were weighed by column.
        sensitivity: Means under other assumptions; None where no column of numbers has gaps.
        warnings: What fitting warned of.
    """

    rows: pd.DataFrame
    imputer: MIWAEImputer
    draws: Sequence[pd.DataFrame]
    estimates: pd.DataFrame
    checks: Check
    comparison: Comparison | None
    sensitivity: Sensitivity | None
    warnings: Sequence[str]

    @property
    def gaps(self) -> list[Column]:
        """The columns that have missing values."""
        return [column for column in self.imputer.columns_ if self.rows[column.name].isna().any()]


def gather(rows: pd.DataFrame, imputer: NotMIWAEImputer, draws: int, report: Report = silent) -> Findings:
    """Fit, check and compare.

    Arguments:
        rows: Table with missing cells.
        imputer: Imputer with its settings, which is fitted.
        draws: Multiple imputations, two at least.
        report: Function called with steps done, steps, 0.

    Raises:
        DataError: the table can't be used.
        ParameterError: a setting doesn't fit the table.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AssumptionWarning)
        imputer.fit(rows)
    told, rows = rows, in_numbers(rows, imputer.kinds)
    messages = [str(each.message) for each in said if issubclass(each.category, AssumptionWarning)]
    # What evidence chose has a section of its own.
    notices = [each for each in messages if not each.startswith(f"'{AUTO}'")]
    report(1, 4, 0.0)
    completed = imputer.sample(told, draws)
    checks = imputer.check(told, _CHECKED)
    report(2, 4, 0.0)
    compared = None
    unexplained = bool(np.isnan(imputer._rows(told).values).any())  # limits that are known explain the others
    if unexplained and not len(imputer.assumptions_) and imputer.missing_process != AT_RANDOM:
        compared = imputer.compare(told, {"missing at random": AT_RANDOM, "as said": imputer.missing_process})
    report(3, 4, 0.0)
    others = _others(told, rows, imputer, completed)
    report(4, 4, 0.0)
    pooled = estimates(imputer.columns_, rows, completed, imputer._turns)
    return Findings(rows, imputer, completed, pooled, checks, compared, others, notices)


def _others(
    told: pd.DataFrame, rows: pd.DataFrame, imputer: NotMIWAEImputer, draws: Sequence[pd.DataFrame]
) -> Sensitivity | None:
    """Impute under other assumptions; the one that was said comes first."""
    gaps = [c.name for c in imputer.columns_ if not c.values and rows[c.name].isna().any()]
    if not gaps:
        return None
    settings = imputer.get_params()
    for name in ("missing_process", "groups", "bounds"):
        settings.pop(name)
    by_word = Parallel(n_jobs=imputer.n_jobs)(
        delayed(_under)(word, told, gaps, len(draws), settings | {"n_jobs": 1}) for word in WORDS
    )
    own = estimates(imputer.columns_, rows, draws, imputer._turns)
    own = own[own["column"].isin(gaps)].assign(assumption="this report")
    tables = [own[["assumption", "column", "mean", "lower", "upper"]], *(each.table for each in by_word)]
    table = pd.concat(tables, ignore_index=True).drop_duplicates(["assumption", "column"])
    return Sensitivity(
        table, pd.concat([each.bounds for each in by_word]), pd.concat([each.shifts for each in by_word])
    )


def _under(
    word: str, rows: pd.DataFrame, gaps: Sequence[str], draws: int, settings: dict[str, Any]
) -> Sensitivity:
    """Impute under one assumption, in this process or in another."""
    with warnings.catch_warnings():
        # What these assumptions make doubtful is shown beside each other.
        warnings.simplefilter("ignore", AssumptionWarning)
        return sensitivity(rows, gaps, [word], n_draws=draws, **settings)


def estimates(
    columns: Sequence[Column], rows: pd.DataFrame, draws: Sequence[pd.DataFrame], members: int = 1
) -> pd.DataFrame:
    """Pool means of columns of numbers with gaps, and shares of categories, by Rubin's rules.

    Columns of the table: `column`, `category` (empty for numbers), `seen` (the mean or share of what was
    seen), `mean`, `standard_error`, `lower` and `upper` ends of the 95 % interval, and `missing_information`.

    Arguments:
        columns: Columns of the table.
        rows: Table with missing cells.
        draws: Completed tables, two at least.
        members: Number of models that took turns in making them, where that counts; see `pool`.
    """
    found: list[dict[str, Any]] = []
    for column in columns:
        seen = rows[column.name].dropna()
        if len(seen) == len(rows):
            continue
        levels = [""]
        if column.values:
            # Of two the second says it all.
            levels = [*seen.value_counts().index[:_LEVELS]] if len(column.values) > 2 else [column.values[-1]]
        for level in levels:
            pooled = _pooled(column, level, seen, draws, members)
            found.append({"column": column.name, "category": str(level)} | pooled)
    names = ["column", "category", "seen", "mean", "standard_error", "lower", "upper", "missing_information"]
    return pd.DataFrame(found, columns=names)


def _pooled(
    column: Column, level: Any, seen: pd.Series, draws: Sequence[pd.DataFrame], members: int
) -> dict[str, Any]:
    """Pool the mean of a column over draws, or the share of a category."""

    def numbers(values: pd.Series) -> Floats:
        asked = (values == level) if column.values else values
        return np.asarray(asked.to_numpy(dtype=np.float64))

    found = pool_means([numbers(draw[column.name]) for draw in draws], members)
    return {
        "seen": float(numbers(seen).mean()),
        "mean": float(found.estimate),
        "standard_error": float(found.standard_error),
        "lower": float(found.lower),
        "upper": float(found.upper),
        "missing_information": float(found.missing_information),
    }
