r"""Differences between methods that imputed the same cells, and whether they're more than noise.

There are two kinds of noise, and a test for each:

- **Seeds** (`seed_differences`): initialisation, held-out rows, importance samples; on synthetic data also
  the table. A paired t-test over replicates; with the usual five, a signed-rank test can't go below p =
  0.06.
- **Rows** (`row_differences`): which rows a fixed table happens to have. More seeds never lower this noise,
  so a claim about the kind of data, not about the one table, has to pass this test too. It compares squared
  errors row by row, averaged over seeds. The cells of a row count as one observation, and so do equal rows.

The correction of Nadeau & Bengio (2003) is for replicates that are overlapping splits of one table. Ours
aren't splits: each imputes all missing cells, so `overlap` is 0. Both tests also give p-values corrected
over the data sets (`holm`). The reference is each data set's best baseline, chosen by the values that are
then compared: this favours the baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy.stats import t as student

from notmiwae.arrays import Floats
from notmiwae.errors import DataError

Difference = tuple[float, float, int]
"""Mean and standard error of a difference, and the number of observations."""
T = TypeVar("T")

DIFFERENCE_COLUMNS = ["dataset", "method", "reference", "difference", "se", "count", "p", "p_holm"]


def seed_differences(
    replicates: pd.DataFrame, baselines: Sequence[str], metric: str = "rmse", overlap: float = 0.0
) -> pd.DataFrame:
    r"""Compare each method's metric with the best baseline's, over replicates.

    $d_r = a_r - b_r$, $\mathrm{se}^2 = \mathrm{var}(d) (1/n + \mathrm{overlap})$, and $t = \bar d /
    \mathrm{se}$ with n − 1 degrees of freedom. A method with a single replicate is deterministic: its value
    stands for all of the other's. Where no seed changes the difference, se is 0 and p is NaN.

    Arguments:
        replicates: Rows dataset, method, metric, replicate, value.
        baselines: Methods of which the lowest mean is the reference; all others are compared with it.
        metric: Name of the metric; low values are good.
        overlap: Number of rows tested on for each row trained on, if replicates are overlapping splits
            (Nadeau & Bengio 2003, their n₂/n₁).

    Returns:
        `DIFFERENCE_COLUMNS`, count being n; a negative difference is in the method's favour.

    Raises:
        DataError: a data set has none of the baselines, or two methods' replicates don't match.
    """
    rows = replicates[replicates["metric"] == metric]

    def difference(method: pd.Series[float], reference: pd.Series[float]) -> Difference:
        several = max(method, reference, key=len).index
        left, right = (
            values.to_numpy() if len(values) == 1 else values.reindex(several)
            for values in (method, reference)
        )
        paired = np.asarray(left - right, dtype=np.float64)
        if np.isnan(paired).any():
            raise DataError(
                f"{metric}: replicates {list(method.index)} can't be paired with {list(reference.index)}"
            )
        count = len(paired)
        # Equal differences, up to rounding, have no variance.
        constant = count < 2 or np.ptp(paired) <= 1e-12 * np.abs(paired).max()
        variance = 0.0 if constant else paired.var(ddof=1)
        return float(paired.mean()), float(np.sqrt(variance * (1 / count + overlap))), count

    samples = _by_method(rows, lambda group: group.set_index("replicate")["value"])
    return _compare(samples, baselines, lambda values: float(values.mean()), difference)


def row_differences(errors: pd.DataFrame, baselines: Sequence[str]) -> pd.DataFrame:
    r"""Compare each method's RMSE with the best baseline's, with the error that sampling rows gives it.

    A method with S seeds has $\mathrm{rmse} = \frac1S \sum_s \sqrt{m_s}$, $m_s = \sum_n e_{ns} / \sum_n
    c_n$, where row n has $c_n$ missing cells whose squared errors sum to $e_{ns}$. By the delta method, row
    n moves it by $\psi_n / \sum_n c_n$, $\psi_n = \frac1S \sum_s (e_{ns} - m_s c_n) / (2 \sqrt{m_s})$; a
    difference of two methods has $\mathrm{se}^2 = \frac{N}{N-1} \sum_n (\psi_n - \psi'_n)^2 / (\sum_n
    c_n)^2$, the usual cluster-robust variance of a ratio (Liang & Zeger 1986). The t-test has N − 1 degrees
    of freedom. The fitted models are taken as given.

    Arguments:
        errors: Rows dataset, method, replicate, row, cells, squared_error, as of `row_errors`, all replicates
            of the same table.
        baselines: Methods of which the lowest RMSE is the reference; all others are compared with it.

    Returns:
        `DIFFERENCE_COLUMNS`, count being N.

    Raises:
        DataError: a data set has none of the baselines, or methods imputed different cells.
    """

    def difference(method: _RowErrors, reference: _RowErrors) -> Difference:
        if not method.cells.equals(reference.cells):
            raise DataError("two methods have other rows with missing cells; they have to impute the same")
        count = len(method.cells)
        moved = np.square(method.influence - reference.influence).sum() / method.cells.sum() ** 2
        error = np.sqrt(count / max(count - 1, 1) * moved)
        return method.rmse - reference.rmse, float(error), count

    return _compare(_by_method(errors, _RowErrors.of), baselines, lambda errors: errors.rmse, difference)


def holm(p: Sequence[float] | Floats | pd.Series[float]) -> Floats:
    """Adjust p-values as Holm (1979): of m, the i-th smallest times m − i + 1, never less than those before.

    NaN stands for what wasn't tested and isn't counted.
    """
    raw = np.asarray(p, dtype=np.float64)
    adjusted = raw.copy()
    order = np.argsort(raw)[: np.isfinite(raw).sum()]
    steps = raw[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.maximum.accumulate(steps).clip(max=1)
    return adjusted


@dataclass(frozen=True)
class _RowErrors:
    """A method's RMSE, its missing cells by row, and how each row moves the RMSE (`row_differences`)."""

    rmse: float
    cells: pd.Series[float]
    influence: Floats

    @classmethod
    def of(cls, errors: pd.DataFrame) -> _RowErrors:
        by_row = errors.pivot(index="row", columns="replicate", values=["cells", "squared_error"])
        counts = by_row["cells"].to_numpy(dtype=np.float64)
        if not (counts == counts[:, :1]).all():
            raise DataError("replicates have other rows with missing cells; rows pair on one table only")
        cells = pd.Series(counts[:, 0], by_row.index)
        squared = by_row["squared_error"].to_numpy(dtype=np.float64)
        mean = squared.sum(0) / cells.sum()
        # Without any error the root has no derivative, but then there's nothing that a row could move.
        slope = np.where(mean > 0, 0.5 / np.sqrt(np.where(mean > 0, mean, 1.0)), 0.0)
        shares = (squared - mean * cells.to_numpy()[:, None]) * slope
        return cls(float(np.sqrt(mean).mean()), cells, shares.mean(1))


def _by_method(rows: pd.DataFrame, sample: Callable[[pd.DataFrame], T]) -> Iterable[tuple[str, dict[str, T]]]:
    for dataset, group in rows.groupby("dataset", sort=False):
        yield str(dataset), {str(name): sample(own) for name, own in group.groupby("method", sort=False)}


def _compare(
    samples: Iterable[tuple[str, dict[str, T]]],
    baselines: Sequence[str],
    value: Callable[[T], float],
    difference: Callable[[T, T], Difference],
) -> pd.DataFrame:
    rows = []
    for dataset, methods in samples:
        known = [name for name in baselines if name in methods]
        if not known:
            raise DataError(f"{dataset}: none of the baselines {', '.join(baselines)} has figures")
        reference = min(known, key=lambda name: value(methods[name]))
        for name in (name for name in methods if name not in baselines):
            mean, error, count = difference(methods[name], methods[reference])
            p = float(2 * student.sf(abs(mean) / error, count - 1)) if error > 0 else np.nan
            rows.append((dataset, name, reference, mean, error, count, p))
    table = pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS[:-1])
    return table.assign(p_holm=table.groupby("method")["p"].transform(holm))
