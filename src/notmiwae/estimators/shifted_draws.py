r"""δ-adjusted imputation in the joint model: draws at random, shifted, and the rest of the row drawn anew.

Let p be a model fitted under missing at random, S the missing cells of a row that are to be shifted, by δ_j
in column j, and K its other missing cells. A draw is

    x⁰ ~ p(x_S, x_K | x_o),                     the imputation at random,
    x̃_j = x⁰_j + δ_j σ_j,  j ∈ S,               numbers: σ_j is the observed standard deviation, or 1,
    P(x̃_j = 1) = expit(logit P(x_j = 1 | x_o) + δ_j),   binary columns,
    x_K ~ p(x_K | x_o, x̃_S),                    the first sweep: the rest follows from the shifted values.

So δ is what missing values differ by from seen ones *of rows that look alike in what was seen of them*. A
binary column's draw is moved by one uniform number to which both its laws are tied, so that more δ never
makes a 1 a 0, and δ = 0 leaves the draw.

Each further sweep draws the shifted cells again, given all the rest of the row, and shifts them again:

    x̃_j ~ p(x_j | x_o, x̃_{S∖j}, x_K) shifted by δ_j, for each j ∈ S in turn;   x_K ~ p(x_K | x_o, x̃_S).

That's the cycle of NARFCS (Tompsett, Leacy, Moreno-Betancur, Heron & White, Statistics in Medicine 2018) and
of the methods `mnar.norm` and `mnar.logreg` of R's mice, where δ is what missing values differ by from seen
ones *of rows that are alike in everything else*, imputed cells included. Of two Gaussian cells that a row
lacks, with the correlation ρ given what was seen, the shift tends to `δ / (1 − ρ²)`: the other one follows,
and takes the shifted one along.

One thing differs: p stays as it was fitted, where mice fits a regression of each column anew on what the
others were shifted to. Where the other column is missing in the rows that lack the shifted one, as after a
dropout, no shifted value enters its regression, and the two agree (`tests/parity/`). Where it's seen in most
of them, those rows tell mice that it did not follow, and its draws hardly move: `sweeps=0` is next to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.utils.validation import check_is_fitted

from notmiwae.arrays import Floats, Mask
from notmiwae.errors import ParameterError
from notmiwae.estimators.accepted_tables import Rows, check_reach
from notmiwae.estimators.arguments import whole
from notmiwae.estimators.column_processes import takes_at_random
from notmiwae.estimators.columns import Column, encode, fill
from notmiwae.estimators.defaults import ENOUGH
from notmiwae.estimators.miwae_imputer import MIWAEImputer
from notmiwae.estimators.shifted_cells import Key, ShiftedCells, check_frame, checked_deltas, find_cells
from notmiwae.randomness import generator, torch_seed
from notmiwae.training.known_cells import rows_of, unseen
from notmiwae.training.recipe import ImputationSpec


def shifted_draws(
    imputer: MIWAEImputer,
    X: pd.DataFrame,
    deltas: Mapping[Key, float],
    by: str | None = None,
    n_draws: int = 20,
    unit: str = "sd",
    sweeps: int = 1,
) -> list[pd.DataFrame]:
    """Draw completed tables of which some missing cells are shifted, and the others follow.

    Arguments:
        imputer: Imputer fitted under `mar` or `mcar`.
        X: Table with the columns that were fitted.
        deltas: δ by column, or by pair of a column and a group: `{"pain": 0.5}`, or
            `{("pain", "drug"): 0.5, ("pain", "placebo"): 0}`. Binary columns have it in log-odds.
        by: Column of the groups, as a trial's arms.
        n_draws: Number of multiple imputations.
        unit: Unit of the δ of numbers: `sd`, observed standard deviations, or `own`, the column's unit.
        sweeps: How often the rest of a row is drawn anew; 0: it stays as at random; 1: once, given the
            shifted values; more: the shifted cells too, as NARFCS does, whose law ten reach unless cells are
            nearly functions of each other.

    Raises:
        ParameterError: an argument doesn't fit, or the imputer takes gaps for anything but at random.
        DataError: nothing is missing where something is to be shifted, or the table can't be used.
    """
    given = checked_deltas({key: [delta] for key, delta in deltas.items()})
    check_frame(X)
    check_at_random(imputer)
    rows, (_, *draws) = imputer._filled(X, whole("n_draws", n_draws, 1))
    cells = find_cells(rows.table, imputer.columns_, list(given), by, unit)
    at_random = DrawsAtRandom(imputer, rows, draws, cells, whole("sweeps", sweeps, 0))
    return [rows.back(each) for each in at_random.tables([delta for (delta,) in given.values()])]


def check_at_random(imputer: MIWAEImputer) -> None:
    """Raise a `ParameterError` unless each member of a fitted imputer takes each column's gaps for at random.

    Under another process a shifted cell that's taken as seen would speak against its own gap.
    """
    check_is_fitted(imputer)
    for member in imputer.members_:
        for name in member.columns:
            if not takes_at_random(member.process, name):
                accepted = "accepted: one that was fitted under 'mar' or 'mcar'"
                raise ParameterError(f"imputer: column {name!r} isn't taken as missing at random; {accepted}")


class DrawsAtRandom:
    """Draws of a table at random, and what becomes of them where some of their cells are shifted.

    Noise is the same for every δ, so that what differs between two of them is δ's doing.

    Arguments:
        imputer: Fitted imputer; at random, if `sweeps` isn't 0.
        rows: Rows of the table.
        draws: What the imputer drew of it, M completed tables.
        cells: Cells to be shifted; δ's of a cell that is named twice add up. What is known to lie between two
            ends isn't shifted.
        sweeps: Number of sweeps; see `shifted_draws`.

    Attributes:
        cells: Cells to be shifted, of those the ones with gaps.
        turns: Number of models whose turns count where draws are pooled.
    """

    def __init__(
        self,
        imputer: MIWAEImputer,
        rows: Rows,
        draws: Sequence[pd.DataFrame],
        cells: Sequence[ShiftedCells],
        sweeps: int,
    ) -> None:
        self.sweeps, self._imputer = sweeps, imputer
        self.turns = imputer._turns
        self._columns: Sequence[Column] = imputer.columns_
        self._workers = imputer._ensemble().workers
        self._table, values, self._known = rows.table, rows.values, rows.known
        self._missing: Mask = unseen(values, self._known)
        gaps = np.isnan(values)
        self.cells = [replace(each, rows=each.rows & gaps[:, each.place]) for each in cells]
        self._start: Floats = np.stack([encode(self._columns, draw) for draw in draws])
        self._shifted: Mask = np.zeros(values.shape, dtype=bool)
        for each in self.cells:
            self._shifted[:, each.place] |= each.rows
        self._places = sorted({each.place for each in cells})
        # P(x_j = 1 | x_o) by the member of each draw, `[M, n]`, of the rows that are shifted.
        self._probability = {
            place: self._drawn(self._start, self._missing, self._shifted[:, place], "probability", place)[1][
                :, :, place
            ]
            for place in self._places
            if self._columns[place].values
        }

    def tables(self, deltas: Sequence[float]) -> list[pd.DataFrame]:
        """Return the completed tables under a δ for each of the cells; arguments as of `values`."""
        return [fill(self._columns, self._table, each) for each in self.values(deltas)]

    def values(self, deltas: Sequence[float]) -> Floats:
        """Return the completed tables as numbers, `[M, N, D]`, under a δ for each of the cells.

        Raises:
            DataError: a shifted value is farther out than networks can compute.
        """
        offset = np.zeros(self._missing.shape)
        for cells, delta in zip(self.cells, deltas, strict=True):
            offset[cells.rows, cells.place] += delta * cells.step
        tables = self._start.copy()
        for place in self._places:
            rows = self._shifted[:, place]
            at_random, own = self._probability.get(place), offset[rows, place]
            tables[:, rows, place] = self._moved(place, tables[:, rows, place], at_random, own, 1)
        for sweep in range(1, self.sweeps + 1):
            if sweep > 1:
                self._shift_again(tables, offset, sweep)
            self._follow(tables, sweep)
        return tables

    def _shift_again(self, tables: Floats, offset: Floats, sweep: int) -> None:
        """Draw each shifted cell given the rest of its row, and shift it again."""
        for place in self._places:
            # A cell that is alone in its row has no gap beside it that could have moved.
            rows = self._shifted[:, place] & (self._missing.sum(axis=1) > 1)
            own = np.zeros_like(self._missing)
            own[:, place] = True
            draws, means = self._drawn(tables, own, rows, "again", sweep, place)
            tables[:, rows, place] = self._moved(
                place, draws[:, :, place], means[:, :, place], offset[rows, place], sweep
            )

    def _follow(self, tables: Floats, sweep: int) -> None:
        """Draw what else is missing in the rows with a shifted cell, given the shifted values."""
        rest = self._missing & ~self._shifted
        rows = np.asarray(self._shifted.any(axis=1) & rest.any(axis=1), dtype=bool)
        draws, _ = self._drawn(tables, rest, rows, "rest", sweep)
        tables[:, rows] = np.where(rest[rows], draws, tables[:, rows])

    def _moved(
        self, place: int, values: Floats, probability: Floats | None, offset: Floats, sweep: int
    ) -> Floats:
        """Shift drawn values `[M, n]` by offsets `[n]`.

        Arguments:
            place: Number of the column.
            values: Values drawn at random.
            probability: Probabilities of a 1 by which they were drawn, `[M, n]`, of a binary column.
            offset: Shifts in the column's own unit, or in log-odds.
            sweep: Number of the sweep.
        """
        column = self._columns[place]
        if column.values:
            assert probability is not None
            uniform = generator(self._imputer._seed, "shift", sweep, place).random(values.shape)
            one = values > 0.5
            position = np.where(one, probability * uniform, probability + (1.0 - probability) * uniform)
            moved: Floats = (position < expit(logit(probability) + offset)).astype(np.float64)
            return np.where(offset == 0.0, values, moved)
        if column.lowest is None and column.highest is None:
            return values + offset
        return np.clip(values + offset, column.lowest, column.highest)

    def _drawn(self, tables: Floats, hidden: Mask, rows: Mask, *purpose: str | int) -> tuple[Floats, Floats]:
        """Draw hidden cells of some rows, in each table by the member that drew it at random.

        Arguments:
            tables: Completed tables, `[M, N, D]`.
            hidden: Cells to be drawn, `[N, D]`; the others are taken as seen.
            rows: Rows, n of N.
            purpose: Purpose of the noise.

        Returns:
            Draws and expectations, `[M, n, D]`.
        """
        members, spec = (
            self._imputer.members_,
            ImputationSpec(samples=self._imputer.n_samples, enough=ENOUGH, draws=1),
        )
        draws = tables[:, rows]
        means = draws.copy()
        known = rows_of(self._known, rows)
        for number, member in enumerate(members[: len(tables) if rows.any() else 0]):
            turns = slice(number, None, len(members))
            asked = np.where(hidden[rows], np.nan, draws[turns])
            flat = asked.reshape(-1, asked.shape[-1])
            check_reach(self._columns, [member], flat)
            seed = torch_seed(self._imputer._seed, "shift", *purpose, number)
            copies = None if known is None else known.among(hidden[rows]).repeated(len(asked))
            flat = flat if copies is None else copies.filled(flat)
            imputed = self._workers.impute([member], flat, spec, seed, known=copies)
            draws[turns] = self._decoded(imputed.draws[0], flat).reshape(asked.shape)
            means[turns] = imputed.mean.reshape(asked.shape)
        return draws, means

    def _decoded(self, drawn: Floats, asked: Floats) -> Floats:
        """Return draws as values that their columns may have; what was seen stays."""
        whole_table = drawn.copy()
        for place, column in enumerate(self._columns):
            gaps = np.isnan(asked[:, place])
            if not column.values and gaps.any():
                decoded: Any = column.decode(drawn[gaps, place])
                whole_table[gaps, place] = decoded
        return whole_table
