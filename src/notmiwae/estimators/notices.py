"""What a user should know of a fitted table without having asked."""

from collections.abc import Sequence

import numpy as np

from notmiwae.arrays import Floats
from notmiwae.estimators.check import Check, sentence
from notmiwae.estimators.column_processes import ignores_value
from notmiwae.estimators.columns import Column
from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.missing_process.selection_model import SelectionSpec

_FEW_ROWS, _FEW_VALUES = 100, 10
_PILED, _RARELY = 0.2, 0.05
_FAR = 1.5
"""Standard deviations of what was seen: what lies beyond a clean cut through a Gaussian is nearer by far."""


def of_table(
    process: ProcessSpec, columns: Sequence[Column], values: Floats, decisive: Sequence[int]
) -> list[str]:
    """Word what a table makes doubtful of what was said of it.

    Arguments:
        process: Missing process that is assumed.
        columns: Columns of the table.
        values: Table `[N, D]`, NaN where missing.
        decisive: Columns whose own values decide, as the fitted models have it.
    """
    missing = np.isnan(values)
    gaps = set(np.flatnonzero(missing.any(axis=0)))
    said = process.columns if isinstance(process, ByColumnSpec) else {}
    found = [
        f"{column.name}: something is said of why its values are missing, and none is"
        for place, column in enumerate(columns)
        if column.name in said and place not in gaps and not ignores_value(process, column.name)
    ]
    found += [
        f"{name}: missing at random, so that its group changes nothing of what is imputed"
        for name, own in said.items()
        if isinstance(own, SelectionSpec) and own.direction == "none" and own.together is not None
    ]
    found += [
        f"{columns[place].name}: {(~missing[:, place]).sum()} values were seen, of which little can be learnt"
        for place in decisive
        if (~missing[:, place]).sum() < _FEW_VALUES
    ]
    found += _outside(columns, values)
    if decisive and len(values) < _FEW_ROWS:
        found.append(f"{len(values)} rows: too few to learn well why values are missing")
    blank = int(missing.all(axis=1).sum())
    if decisive and blank:
        found.append(
            f"{blank} rows have no value at all; that counts as evidence of what their values are, unless "
            "`groups` says that gaps come together or the rows are dropped"
        )
    return found


def _outside(columns: Sequence[Column], values: Floats) -> list[str]:
    """Word how many values of each column lie outside of its limits."""
    counts = []
    for column, own in zip(columns, values.T, strict=True):
        lowest = -np.inf if column.lowest is None else column.lowest
        highest = np.inf if column.highest is None else column.highest
        count = int(((own < lowest) | (own > highest)).sum())
        counts += [f"{column.name} {count}"] if count else []
    return [f"values seen outside of `limits`, which stay as they are: {', '.join(counts)}"] if counts else []


def of_imputations(columns: Sequence[Column], values: Floats, draws: Floats) -> list[str]:
    """Word what is odd of imputations.

    Arguments:
        columns: Columns of the table.
        values: Table `[N, D]`, NaN where missing.
        draws: Completed tables `[M, N, D]`.
    """
    found = []
    for place, column in enumerate(columns):
        seen, gaps = values[~np.isnan(values[:, place]), place], np.isnan(values[:, place])
        if column.values or not gaps.any() or not len(seen):
            continue
        drawn = draws[:, gaps, place]
        for limit, at, word in (
            (column.lowest, np.less_equal, "lowest"),
            (column.highest, np.greater_equal, "highest"),
        ):
            if limit is not None and at(drawn, limit).mean() > _PILED and at(seen, limit).mean() < _RARELY:
                share = at(drawn, limit).mean()
                found.append(
                    f"{column.name}: {share:.0%} of what is imputed lies at the {word} limit, {limit:g}"
                )
        means, spread = drawn.mean(axis=0), seen.std()
        for beyond, word in ((seen.min() - means, "below"), (means - seen.max(), "above")):
            if spread > 0 and np.median(beyond) > _FAR * spread:
                found.append(
                    f"{column.name}: half of what is imputed lies {np.median(beyond) / spread:.1f} or more "
                    f"standard deviations {word} all that was seen"
                )
    return found


def of_check(found: Check) -> list[str]:
    """Word a check of the gaps that fails badly."""
    badly = found.badly
    if not len(badly):
        return []
    row = badly.sort_values("deviation", key=abs).iloc[-1]
    return [f"the gaps aren't as assumed: {sentence(row)}; `check` has more"]
