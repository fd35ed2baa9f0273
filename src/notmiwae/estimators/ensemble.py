"""The fitted models of a table together: what they impute, and whether their gaps are those of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from notmiwae.arrays import Floats
from notmiwae.estimators import notices
from notmiwae.estimators.check import Check, check, explained_columns
from notmiwae.estimators.column_processes import explains, ignores_value
from notmiwae.estimators.columns import Column
from notmiwae.estimators.defaults import ENOUGH
from notmiwae.estimators.races import blank, chosen_rows
from notmiwae.estimators.threads import torch_threads
from notmiwae.estimators.workers import Workers
from notmiwae.imputation import Imputation
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.randomness import torch_seed
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import KnownCells, rows_of
from notmiwae.training.recipe import ImputationSpec

_NOTICED_ROWS, _NOTICED_DRAWS = 1_000, 20
"""Rows and draws by which a fitted table is looked at unasked."""


@dataclass(frozen=True)
class Ensemble:
    """Fitted models that impute together.

    Attributes:
        columns: Columns of the table.
        members: Fitted models.
        at_random: Whether missing at random was among the candidates; rows without any value are imputed so.
        samples: Number of importance samples L.
        seed: Seed of everything random in it.
        workers: Where models impute.
    """

    columns: Sequence[Column]
    members: Sequence[FittedModel]
    at_random: bool
    samples: int
    seed: int
    workers: Workers

    def impute(
        self, values: Floats, draws: int, first: int = 0, known: KnownCells | None = None
    ) -> Imputation:
        """Impute rows.

        Arguments:
            values: Table `[N, D]`, NaN where missing.
            draws: Number of multiple imputations.
            first: Number of the first row in the table of which it's a piece.
            known: Cells known to lie between two ends, which are imputed too.
        """
        spec = ImputationSpec(samples=self.samples, enough=ENOUGH, draws=draws)
        imputed = self.workers.impute(self.members, values, spec, self.seed, first, known)
        empty = blank(values)
        if not (empty.any() and self.at_random and any(explains(member.process) for member in self.members)):
            return imputed
        members = [member.at_random() for member in self.members]
        seen = np.where(empty[:, None], values, 0.0)
        alone = self.workers.impute(members, seen, spec, self.seed, first)
        imputed.mean[empty], imputed.draws[:, empty] = alone.mean[empty], alone.draws[:, empty]
        return imputed

    def check(self, values: Floats, draws: int, known: KnownCells | None = None) -> Check:
        """Check the gaps of rows against those that the fitted processes make, on 5,000 rows at most.

        Arguments:
            values: Table `[N, D]`, NaN where missing.
            draws: Number of masks that are drawn, each for another completed table.
            known: Cells known to lie between two ends, which are no gaps.
        """
        rows = chosen_rows(values, self.seed)
        return self._checked(values[rows], draws, rows_of(known, rows))[0]

    def doubts(self, process: ProcessSpec, values: Floats, known: KnownCells | None = None) -> list[str]:
        """Word what makes an assumption doubtful, once the table is fitted.

        Arguments:
            process: Missing process that was assumed.
            values: The table that was fitted, `[N, D]`, NaN where missing.
            known: Cells known to lie between two ends.
        """
        decisive = {
            place
            for member in self.members
            for place in explained_columns([member], values)
            if not ignores_value(member.process, member.columns[place])
        }
        found = notices.of_table(process, self.columns, values, sorted(decisive))
        if not decisive:
            return found
        chosen = chosen_rows(values, self.seed, _NOTICED_ROWS)
        rows = values[chosen]
        checked, completed = self._checked(rows, _NOTICED_DRAWS, rows_of(known, chosen))
        return found + notices.of_imputations(self.columns, rows, completed) + notices.of_check(checked)

    def _checked(self, values: Floats, draws: int, known: KnownCells | None) -> tuple[Check, Floats]:
        """Check the gaps of rows; return the completed rows, too."""
        completed = self.impute(values, draws, known=known).draws
        with torch_threads(self.workers.n_threads):
            seed = torch_seed(self.seed, "check")
            return check(self.columns, self.members, values, completed, seed, known), completed
