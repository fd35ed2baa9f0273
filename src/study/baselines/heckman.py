"""Heckman's model of one outcome that is seen of selected rows only."""

from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import norm, truncnorm
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.errors import DataError
from notmiwae.estimators.heckman import HeckmanFit, maximum_likelihood, two_step
from study.baselines.baseline import Baseline, baselines

_ESTIMATES = {"two_step": two_step, "maximum_likelihood": maximum_likelihood}


@baselines.register("heckman")
class Heckman(Baseline):
    """The expected outcome of rows that weren't selected (Heckman, Econometrica 1979).

    The table has gaps in one column, the outcome.

    Attributes:
        regressors: Columns of the outcome's equation.
        selection: Columns of the selection's; one at least that isn't among the regressors. Null: all that
            are complete.
        estimate: How it's estimated.
        draws: Number of draws.
    """

    regressors: tuple[str, ...]
    selection: tuple[str, ...] | None = None
    estimate: Literal["two_step", "maximum_likelihood"] = "maximum_likelihood"
    draws: int = 0

    @override
    def impute(self, table: pd.DataFrame, seed: int) -> Floats:
        outcome, fit = self._fitted(table)
        completed = table.assign(**{outcome: table[outcome].fillna(fit.imputed)})
        return completed.to_numpy(dtype=np.float64)

    @override
    def draw(self, table: pd.DataFrame, seed: int) -> Floats:
        """Draw `y = xᵀβ + ρσ v + σ √(1 − ρ²) e` with v below −wᵀγ, at the estimated parameters."""
        outcome, fit = self._fitted(table)
        gaps = table[outcome].isna().to_numpy()
        regressors, selection = table[list(self.regressors)], table[list(self._selected(table, outcome))]
        beta, gamma = fit.coefficients["coefficient"].to_numpy()[:-1], fit.selection["coefficient"].to_numpy()
        mean = beta[0] + regressors.to_numpy(float)[gaps] @ beta[1:]
        index = gamma[0] + selection.to_numpy(float)[gaps] @ gamma[1:]
        generator, shape = np.random.default_rng(seed), (self.draws, int(gaps.sum()))
        v = truncnorm.rvs(-np.inf, -index, size=shape, random_state=generator)
        e = norm.rvs(size=shape, random_state=generator)
        drawn = np.repeat(self._values(table)[None], self.draws, axis=0)
        place = table.columns.get_loc(outcome)
        drawn[:, gaps, place] = mean + fit.sigma * (fit.rho * v + np.sqrt(1.0 - fit.rho**2) * e)
        return drawn

    def _fitted(self, table: pd.DataFrame) -> tuple[str, HeckmanFit]:
        incomplete = [str(name) for name in table if table[name].isna().any()]
        if len(incomplete) != 1:
            accepted = "accepted: one, the outcome"
            raise DataError(f"heckman: {len(incomplete)} columns have missing values; {accepted}")
        (outcome,) = incomplete
        estimate = _ESTIMATES[self.estimate]
        return outcome, estimate(table, outcome, self.regressors, self._selected(table, outcome))

    def _selected(self, table: pd.DataFrame, outcome: str) -> tuple[str, ...]:
        complete = tuple(str(name) for name in table if name != outcome)
        return complete if self.selection is None else self.selection
