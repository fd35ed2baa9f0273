"""The package's own imputer on the ladder, given a table as a user would give it."""

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import PositiveInt
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.errors import AssumptionWarning
from notmiwae.estimators.missing import Missing
from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer
from study.ladder.imputers import Imputer
from study.ladder.ladder_cells import Cell, Completed, Task
from study.ladder.rungs import Said

_SEEDS = 2**31 - 1
"""Seeds that scikit-learn takes are smaller."""


class LadderEstimator(Imputer):
    """The package's own imputer on the ladder, an entry of `ladder.estimators`.

    Attributes:
        assumption: `told` is the right word for each column that loses values; `described` what can be said
            beyond it, of tables of which there is something; any other word is said of the whole table. With
            `told` and `described` a table's limits are said too.
        steps: Number of training steps; null: the estimator's own.
        members: Number of models that impute together; null: the estimator's own.
    """

    assumption: Literal["auto", "told", "described", "unknown", "mar"]
    steps: PositiveInt | None = None
    members: PositiveInt | None = None

    @override
    def fits(self, cell: Cell) -> bool:
        return (cell.described or self.assumption != "described") and super().fits(cell)

    @override
    def impute(self, task: Task) -> Completed:
        said: Any = dict(task.words) if self.assumption == "told" else self.assumption
        groups: Any = None
        if self.assumption == "described":
            assert task.said is not None
            said, groups = _in_words(task.said), task.said.groups
        # An error is one of numbers: whole ones aren't to be imputed as counts.
        kinds = dict.fromkeys(map(str, task.masked), "continuous")
        kinds |= {name: "binary" if count == 2 else "categorical" for name, count in task.codes.items()}
        options: dict[str, Any] = {"steps": self.steps, "members": self.members}
        if self.assumption in ("told", "described"):
            options["limits"] = dict(task.limits) or None
        options = {name: value for name, value in options.items() if value is not None}
        imputer = NotMIWAEImputer(
            said, groups=groups, kinds=kinds, random_state=task.seed % _SEEDS, device="cpu", **options
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AssumptionWarning)
            imputer.fit(task.masked)
        mean, draws = imputer.complete(task.masked, task.draws)
        return Completed(_values(mean), np.stack([_values(draw) for draw in draws]))


def _in_words(said: Said) -> dict[str, str | Missing]:
    """Say of each column what can be said: a word, if there is no more."""
    if not said.given and not said.at_random:
        return dict(said.words)
    return {name: Missing(word, said.given, said.at_random) for name, word in said.words.items()}


def _values(table: pd.DataFrame) -> Floats:
    return table.to_numpy(dtype=np.float64)
