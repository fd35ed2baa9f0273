"""Tipping-point analysis: how far missing values have to differ from seen ones for a conclusion to change.

Values are imputed at random and shifted by δ, a group's (a trial's arm) or a column's by one δ and another's
by a second one. At each combination an estimate is pooled by Rubin's rules; where its p-value crosses 0.05
the conclusion tips. Whether missing values differ by as much is for whoever knows the field to say (Yan, Lee
& Li, Journal of Biopharmaceutical Statistics 2009; Cro, Morris, Kenward & Carpenter, Statistics in Medicine
2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from notmiwae.arrays import Floats
from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.arguments import whole
from notmiwae.estimators.estimands import Answer, Question
from notmiwae.estimators.miwae_imputer import MIWAEImputer
from notmiwae.estimators.pooling import pool
from notmiwae.estimators.shifted_cells import Key, ShiftedCells, check_frame, checked_deltas, find_cells
from notmiwae.estimators.shifted_draws import DrawsAtRandom, check_at_random

_MOST_AXES = 2
_SMALLEST_P = 1e-300


@dataclass(frozen=True)
class TippingPoint:
    """What becomes of an estimate where missing values are shifted.

    Attributes:
        table: A row for each combination of δ's: a column for each axis, the pooled `estimate` with its
            `standard_error`, the ends `lower` and `upper` of its interval, `p_value` and
            `missing_information`.
        at_random: The same where nothing is shifted.
        axes: Names of what is shifted, one or two, which are the names of the first columns.
        measures: Unit of each axis' δ, behind a number.
        question: What is estimated, in words.
        null: Value of the null hypothesis.
        level: Level of the test; the interval has the rest.
    """

    table: pd.DataFrame
    at_random: pd.Series
    axes: tuple[str, ...]
    measures: tuple[str, ...]
    question: str
    null: float
    level: float

    @property
    def points(self) -> pd.DataFrame:
        """Where p crosses the level along each line of the grid, a row a crossing, a column an axis.

        Between neighbours of the grid the signed normal quantile of p, which is nearly linear in δ, is
        interpolated linearly.
        """
        z, edge = self.signed(), float(norm.isf(self.level / 2.0))
        grids = [np.sort(self.table[axis].unique()) for axis in self.axes]
        surface = z.reshape([len(grid) for grid in grids])
        found: list[dict[str, float]] = []
        for place, axis in enumerate(self.axes):
            others = [other for number, other in enumerate(self.axes) if number != place]
            lines = np.moveaxis(surface, place, -1).reshape(-1, len(grids[place]))
            fixed = grids[1 - place] if others else [np.nan]
            for at, line in zip(fixed, lines, strict=True):
                for crossing in _crossings(grids[place], line, edge):
                    found.append({axis: crossing} | dict.fromkeys(others, float(at)))
        return pd.DataFrame(found, columns=list(self.axes)).drop_duplicates(ignore_index=True)

    @property
    def nearest(self) -> pd.Series | None:
        """The crossing next to δ = 0, each δ in its own unit; None: p crosses the level nowhere."""
        points = self.points
        if not len(points):
            return None
        distance = np.sqrt((points**2).sum(axis=1))
        nearest: pd.Series = points.loc[distance.idxmin()]
        return nearest

    def signed(self) -> Floats:
        """Return the signed normal quantile of each p-value, `sign(estimate − null) Φ⁻¹(1 − p/2)`."""
        return signed_quantiles(self.table, self.null)

    def words(self) -> str:
        """Say what the test finds at random, and where that changes."""
        p = self.at_random["p_value"]
        start = f"{self.question}: {self.at_random['estimate']:.3g} at random, p = {p:.2g}."
        nearest = self.nearest
        if nearest is None:
            side = "below" if p <= self.level else "above"
            return f"{start} p stays {side} {self.level:g} over the whole grid, whose shifts tip nothing."
        shifts = " and ".join(
            f"{nearest[axis]:+.2g}{measure} ({axis})"
            for axis, measure in zip(self.axes, self.measures, strict=True)
        )
        return f"{start} p crosses {self.level:g} first where missing values are shifted by {shifts}."

    def __str__(self) -> str:
        shown = self.table.to_string(index=False, float_format="{:.3g}".format)
        return f"{shown}\n\n{self.words()}"

    def plot(self) -> Any:
        """Draw the estimate and p over one δ, or p's contours over two, a matplotlib figure."""
        from notmiwae.estimators.tipping_figure import grid, line

        return line(self) if len(self.axes) == 1 else grid(self)


def tipping_point(
    X: pd.DataFrame,
    deltas: Mapping[Key, Sequence[float]],
    question: Question,
    by: str | None = None,
    unit: str = "sd",
    n_draws: int = 20,
    sweeps: int = 1,
    null: float = 0.0,
    level: float = 0.05,
    imputer: MIWAEImputer | None = None,
    **options: Any,
) -> TippingPoint:
    """Impute a table at random, shift what was imputed, and test a hypothesis at each δ, or pair of δ's.

    Arguments:
        X: The table.
        deltas: δ's by column, or by pair of a column and a group: one or two of them, which are the axes of
            the grid; as `{("pain", "drug"): (0, 0.5, 1), ("pain", "placebo"): (-1, -0.5, 0)}`. Of a binary
            column they are log-odds.
        question: `MeanDifference`, `Coefficient`, or a function of a completed table that returns an
            estimate, its variance and, if need be, its degrees of freedom.
        by: Column of the groups, as a trial's arms.
        unit: Unit of the δ's of numbers: `sd`, standard deviations of what was observed, or `own`, the
            column's.
        n_draws: Number of multiple imputations, two at least.
        sweeps: How often the rest of a row is drawn anew, given the shifted values; see `shifted_draws`.
        null: Value of the null hypothesis.
        level: Level of the test.
        imputer: Imputer that was fitted to X under `mar` or `mcar`; None: one is fitted.
        options: Arguments of `MIWAEImputer`, where none is given.

    Raises:
        ParameterError: an argument doesn't fit.
        DataError: nothing is missing where something is to be shifted, or the table can't be used.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from notmiwae.estimators.estimands import MeanDifference
        >>> from notmiwae.estimators.tipping_point import tipping_point
        >>> rng = np.random.default_rng(0)
        >>> arm = np.repeat(["drug", "placebo"], 100)
        >>> pain = rng.normal(size=200) + 0.6 * (arm == "placebo")
        >>> trial = pd.DataFrame({"arm": arm, "pain": np.where(rng.random(200) < 0.3, np.nan, pain)})
        >>> deltas = {("pain", "drug"): (0, 1, 2)}
        >>> question = MeanDifference("pain", "arm")
        >>> result = tipping_point(trial, deltas, question, by="arm", steps=50, random_state=0)
        >>> bool(result.table["estimate"].is_monotonic_decreasing)
        True
    """
    given = {key: tuple(sorted(values)) for key, values in checked_deltas(deltas, least=2).items()}
    if len(given) > _MOST_AXES:
        raise ParameterError(f"deltas: found {len(given)} columns or groups; accepted: one, or two")
    if not 0 < level < 1:
        raise ParameterError(f"level: found {level!r}; accepted: a number between 0 and 1")
    if not callable(question):
        raise ParameterError(f"question: found {question!r}; accepted: a function of a completed table")
    whole("n_draws", n_draws, 2)
    whole("sweeps", sweeps, 0)
    if imputer is not None and options:
        raise ParameterError(f"{next(iter(options))}: found beside imputer; accepted: one of the two")
    check_frame(X)
    fitted = MIWAEImputer(**options).fit(X) if imputer is None else imputer
    check_at_random(fitted)
    completed, (_, *draws) = fitted._filled(X, n_draws)
    cells = find_cells(completed.table, fitted.columns_, list(given), by, unit)
    at_random = DrawsAtRandom(fitted, completed, draws, cells, sweeps)
    rows = [
        dict(zip([each.name for each in cells], each_delta, strict=True))
        | _pooled(at_random.tables(each_delta), question, null, level, at_random.turns)
        for each_delta in product(*given.values())
    ]
    table = pd.DataFrame(rows)
    unshifted = _pooled(at_random.tables([0.0] * len(cells)), question, null, level, at_random.turns)
    return TippingPoint(table, pd.Series(unshifted), *_axes(cells), _worded(question), null, level)


def signed_quantiles(table: pd.DataFrame, null: float) -> Floats:
    """Compute `sign(estimate − null) Φ⁻¹(1 − p/2)` of the rows of a table of results."""
    size = norm.isf(np.maximum(table["p_value"].to_numpy(), _SMALLEST_P) / 2.0)
    signed: Floats = np.sign(table["estimate"].to_numpy() - null) * size
    return signed


def _axes(cells: Sequence[ShiftedCells]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(each.name for each in cells), tuple(each.measure for each in cells)


def _worded(question: Question) -> str:
    name = str(getattr(question, "__name__", question))
    return "estimate" if name == "<lambda>" else name


def _pooled(
    tables: Sequence[pd.DataFrame], question: Question, null: float, level: float, members: int
) -> dict[str, float]:
    """Ask each completed table, and pool what they answer."""
    answers = []
    for table in tables:
        said = tuple(question(table))
        if len(said) not in (2, 3) or not np.isfinite(said[:2]).all():
            accepted = "accepted: an estimate, its variance, and its degrees of freedom or nothing"
            raise DataError(f"question: a completed table's answer is {said!r}; {accepted}")
        answers.append(Answer(*said))
    estimates, variances, degrees = np.transpose(answers)
    pooled = pool(estimates, variances, float(degrees.mean()), 1.0 - level, members)
    return {
        "estimate": float(pooled.estimate),
        "standard_error": float(pooled.standard_error),
        "lower": float(pooled.lower),
        "upper": float(pooled.upper),
        "p_value": float(pooled.p_value(null)),
        "missing_information": float(pooled.missing_information),
    }


def _crossings(grid: Floats, line: Floats, edge: float) -> list[float]:
    """List where a line of signed quantiles crosses ± `edge`."""
    found: list[float] = []
    for value in (-edge, edge):
        beyond = line - value
        for k in np.flatnonzero(beyond[:-1] * beyond[1:] <= 0):
            rise = line[k + 1] - line[k]
            share = (value - line[k]) / rise if rise else 0.0
            found.append(float(grid[k] + share * (grid[k + 1] - grid[k])))
    return sorted(set(found))
