"""Sensitivity analysis: what each assumption on why values are missing makes of a table.

The data can't tell whether values are missing at random (Molenberghs et al. 2008): every model that isn't
has a counterpart that is, with the same fit to what was seen. What can be shown is how far conclusions move.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.arguments import whole
from notmiwae.estimators.arrived import arrived
from notmiwae.estimators.assumptions import ASSUMPTIONS
from notmiwae.estimators.column_kinds import describe
from notmiwae.estimators.columns import Column
from notmiwae.estimators.known_values import in_numbers
from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer
from notmiwae.estimators.pooling import pool_means
from notmiwae.estimators.shifted_cells import Key, check_frame, checked_deltas, find_cells
from notmiwae.estimators.shifted_draws import DrawsAtRandom, check_at_random
from notmiwae.specs import suggest

DEFAULT_ASSUMPTIONS = ("mar", "low", "high", "extreme", "anything")
DELTAS = (-1.0, -0.5, 0.0, 0.5, 1.0)
QUANTILES = (0.1, 0.5, 0.9)
_WHOLE = ("mar", "mcar", "anything")
"""Assumptions that are of the whole table."""


@dataclass(frozen=True)
class Sensitivity:
    """What became of each column under each assumption.

    Attributes:
        table: A row for each assumption and column: `assumption`, `column`, `mean` with its `standard_error`,
            `lower` and `upper` ends of the 95 % interval and `missing_information` (Rubin's rules), the
            quantiles `q10`, `q50` and `q90` (means over the draws), and `imputed_mean`, that of the imputed
            cells alone. The assumption `observed` takes what was seen for the whole.
        bounds: A row for each assumption: `bound`, of held-out rows in nats a row. A higher one fits what was
            seen better, which is no proof: it's the shape of what was seen that speaks, not the rest.
        shifts: δ-adjustment: the same as `table`, where the cells `shifted` (a column, or a column and a
            group), imputed at random, are moved by `delta`: standard deviations of what was observed, or the
            log-odds of a binary column, whose mean is the share of its higher value.
    """

    table: pd.DataFrame
    bounds: pd.DataFrame
    shifts: pd.DataFrame

    def plot(self) -> Any:
        """Draw a panel a column: its mean and interval under each assumption, then δ."""
        return _figure(self)


def sensitivity(
    X: pd.DataFrame,
    columns: Sequence[str] | None = None,
    assumptions: Sequence[str] | Mapping[str, Any] = DEFAULT_ASSUMPTIONS,
    deltas: Sequence[float] | Mapping[Key, Sequence[float]] = DELTAS,
    n_draws: int = 20,
    by: str | None = None,
    sweeps: int = 0,
    **options: Any,
) -> Sensitivity:
    """Impute a table under several assumptions, and set the results side by side.

    `mar` is fitted with a rate of missing values for each column (`mcar`), which imputes as `mar` does and
    whose bound can be compared.

    Arguments:
        X: The table.
        columns: Columns of numbers, with missing values, that the assumptions are said of, the others being
            missing at random; None: all of them.
        assumptions: Words of `ASSUMPTIONS`; or by a name of yours whatever `NotMIWAEImputer` takes as an
            assumption, as `{"mar": "mar", "mothers": {"wage": Missing("low", given=["kidslt6"])}}`.
        deltas: Shifts of `mar`, in standard deviations: for every column that is reported, and, where `by` is
            given, each of its groups in turn; or by column, or by pair of a column and a group: `{"income":
            (0, 0.5, 1), ("pain", "drug"): (-1, 0)}`. Of a binary column, which has to be named, they are
            log-odds. Shifted values stay within `limits`.
        n_draws: Imputations by which means and quantiles are pooled, two at least.
        by: Column of groups, as a trial's arms, whose rows are shifted alone.
        sweeps: How often the rest of a row is drawn anew, given the shifted values; see `shifted_draws`. With
            one or more `shifts` has rows of every reported column, with 0 of the shifted one.
        options: Arguments of `NotMIWAEImputer`.

    Raises:
        ParameterError: an unknown column, group or assumption, or an argument that doesn't fit.
        DataError: no column has a missing value, or the table can't be used.
    """
    named = assumptions if isinstance(assumptions, Mapping) else {word: word for word in assumptions}
    check_frame(X)
    X = arrived(X, options.get("missing_values"), options.get("kinds")).frame
    _check_words(named, columns, X)
    if isinstance(deltas, Mapping) and "mar" not in named.values():
        raise ParameterError("deltas: what they shift is 'mar'; accepted: 'mar' among the assumptions")
    told, X = X, in_numbers(X, options.get("kinds"))
    described = describe(X, options.get("kinds"), options.get("limits"))
    shown = _shown(X, described, columns)
    keyed = _keyed(deltas, shown, X, by) if "mar" in named.values() else {}
    cells = find_cells(X, described, list(keyed), by, "sd")
    whole("sweeps", sweeps, 0)
    rows, bounds, shifts = [_seen(X, name) for name in shown], [], []
    for label, word in named.items():
        of_all = columns is None or word in _WHOLE or not isinstance(word, str)
        said: Any = word if of_all else dict.fromkeys(columns or (), word)
        imputer = NotMIWAEImputer("mcar" if word == "mar" else said, **options).fit(told)
        draws = imputer.sample(told, n_draws)
        by_name = {name: [_numbers(draw, name) for draw in draws] for name in shown}
        rows += [_row(label, X, name, own, imputer._turns) for name, own in by_name.items()]
        bounds.append((label, imputer.bound_))
        if word == "mar":
            if sweeps:
                check_at_random(imputer)
            for each, own in zip(cells, keyed.values(), strict=True):
                at_random = DrawsAtRandom(imputer, imputer._rows(told), draws, [each], sweeps)
                shifts += _shifts(X, at_random, own, shown if sweeps else ())
    table = pd.DataFrame(rows)
    return Sensitivity(table, pd.DataFrame(bounds, columns=["assumption", "bound"]), pd.DataFrame(shifts))


def _check_words(named: Mapping[str, Any], columns: Sequence[str] | None, X: pd.DataFrame) -> None:
    """Raise a `ParameterError` if a word or a column isn't there."""
    for word in named.values():
        if isinstance(word, str) and word not in ASSUMPTIONS:
            raise ParameterError(f"assumptions: unknown assumption {word!r}{suggest(word, ASSUMPTIONS)}")
    for name in columns or ():
        if name not in X.columns:
            raise ParameterError(f"columns: no column {name!r}{suggest(name, list(map(str, X.columns)))}")


def _keyed(
    deltas: Any, shown: Sequence[str], X: pd.DataFrame, by: str | None
) -> dict[Key, tuple[float, ...]]:
    """Return δ's by what they shift.

    A plain list is for each column that is shown; where `by` is given, for each of its groups with gaps.
    """
    if isinstance(deltas, Mapping):
        return checked_deltas(deltas)
    if by is None:
        return checked_deltas(dict.fromkeys(shown, deltas)) if len(deltas) else {}
    if by not in X.columns:
        raise ParameterError(f"by: no column {by!r}{suggest(by, list(map(str, X.columns)))}")
    pairs = [(name, group) for name in shown for group in sorted(X.loc[X[name].isna(), by].dropna().unique())]
    return checked_deltas(dict.fromkeys(pairs, deltas)) if len(deltas) else {}


def _shifts(
    X: pd.DataFrame, at_random: DrawsAtRandom, deltas: Sequence[float], beside: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the rows of `shifts` for one column's cells: of that column, and of others beside it."""
    (cells,) = at_random.cells
    reported = list(dict.fromkeys([cells.column.name, *beside]))
    of_which = "" if cells.group is None and not beside else f" of {cells.name}"
    rows: list[dict[str, Any]] = []
    for delta in deltas:
        values = at_random.values([delta])
        for name in reported:
            drawn = list(values[:, :, X.columns.get_loc(name)])
            row = _row(f"δ {delta:+g} {cells.unit}{of_which}", X, name, drawn, at_random.turns)
            rows.append({"delta": delta, "shifted": cells.name} | row)
    return rows


def _shown(X: pd.DataFrame, described: Sequence[Column], columns: Sequence[str] | None) -> list[str]:
    """List the columns to report: of numbers, with missing values."""
    possible = [c.name for c in described if not c.values and X[c.name].isna().any()]
    for name in columns or ():
        if name not in possible:
            raise ParameterError(f"columns: {name!r} has no missing value, or holds no numbers")
    if not possible:
        raise DataError("no column of numbers has a missing value: there is nothing to analyse")
    return [name for name in possible if columns is None or name in columns]


def _numbers(table: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    return table[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _seen(X: pd.DataFrame, name: str) -> dict[str, Any]:
    """Return the row of `observed`: what was seen of a column, taken for the whole."""
    values = _numbers(X, name)
    seen = values[~np.isnan(values)]
    error = seen.std(ddof=1) / np.sqrt(len(seen)) if len(seen) > 1 else np.nan
    return _entries(
        "observed", name, seen.mean(), error, seen.mean() - 1.96 * error, seen.mean() + 1.96 * error
    ) | ({"missing_information": np.nan} | _quantiles([seen]) | {"imputed_mean": np.nan})


def _row(
    word: str, X: pd.DataFrame, name: str, draws: Sequence[npt.NDArray[np.float64]], members: int
) -> dict[str, Any]:
    missing = X[name].isna().to_numpy()
    pooled = pool_means(draws, members)
    interval = (float(pooled.standard_error), float(pooled.lower), float(pooled.upper))
    return (
        _entries(word, name, float(pooled.estimate), *interval)
        | {"missing_information": float(pooled.missing_information)}
        | _quantiles(draws)
        | {"imputed_mean": float(np.mean([each[missing].mean() for each in draws]))}
    )


def _entries(word: str, name: str, mean: float, error: float, lower: float, upper: float) -> dict[str, Any]:
    return {
        "assumption": word,
        "column": name,
        "mean": mean,
        "standard_error": error,
        "lower": lower,
        "upper": upper,
    }


def _quantiles(draws: Sequence[npt.NDArray[np.float64]]) -> dict[str, float]:
    found = np.mean([np.quantile(each, QUANTILES) for each in draws], axis=0)
    return {f"q{100 * quantile:.0f}": float(value) for quantile, value in zip(QUANTILES, found, strict=True)}


def _figure(result: Sensitivity) -> Any:
    from matplotlib.figure import Figure

    shifted = list(result.shifts["column"]) if len(result.shifts) else []
    columns = list(dict.fromkeys([*result.table["column"], *shifted]))
    across = min(3, len(columns))
    down = -(-len(columns) // across)
    parts = [result.table, result.shifts.assign(shift=True)] if len(result.shifts) else [result.table]
    entries = max(sum((part["column"] == name).sum() for part in parts) for name in columns)
    figure = Figure(figsize=(2.4 * across + 1.4, (0.2 * entries + 0.7) * down + 0.5), layout="constrained")
    labels = {
        tuple(label for part in parts for label in part.loc[part["column"] == name, "assumption"])
        for name in columns
    }
    grid = figure.subplots(down, across, sharey=len(labels) == 1, squeeze=False)
    for axes in grid.flat[len(columns) :]:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, columns, strict=False):
        _panel(axes, name, [part[part["column"] == name] for part in parts])
    figure.supxlabel("mean of the column, 95 % interval", fontsize=9)
    return figure


def _panel(axes: Any, name: str, parts: Sequence[pd.DataFrame]) -> None:
    from notmiwae.plot_style import BLUE, GREY, PALE

    labels: list[str] = []
    for part, (color, marker) in zip(parts, ((BLUE, "o"), (GREY, "s")), strict=False):
        places = np.arange(len(labels), len(labels) + len(part)) + (0.6 if labels else 0.0)
        reach = [part["mean"] - part["lower"], part["upper"] - part["mean"]]
        axes.errorbar(part["mean"], places, xerr=reach, fmt=marker, color=color, ms=4, lw=1.2, capsize=2)
        labels += part["assumption"].tolist()
    for seen in parts[0].loc[parts[0]["assumption"] == "observed", "mean"]:
        axes.axvline(seen, color=PALE, lw=0.8, ls=":")
    ticks = [place + (0.6 if 0 < len(parts[0]) <= place else 0.0) for place in range(len(labels))]
    axes.set_yticks(ticks, [label.replace("δ -", "δ −") for label in labels], fontsize=8)
    axes.set_ylim(max(ticks) + 0.6, -0.6)
    axes.set_title(name, fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
