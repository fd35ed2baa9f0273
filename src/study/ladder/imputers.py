"""Methods of the ladder, each of which is given the table as a user would give it."""

import warnings
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, PositiveInt
from typing_extensions import override

from notmiwae.arrays import Floats
from notmiwae.errors import AssumptionWarning
from notmiwae.estimators.missing import Missing
from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer
from notmiwae.specs import Registry, Spec
from study.baselines.baseline import Baseline, baselines
from study.baselines.encoding import Encoding
from study.data.sources.correlated_gaussian import CorrelatedGaussian
from study.ladder.gaussian_oracle import impute_gaussian
from study.ladder.ladder_cells import Cell, Completed, Task
from study.ladder.rungs import Said

_SEEDS = 2**31 - 1
"""Seeds that scikit-learn takes are smaller."""


class Imputer(Spec):
    """A method of the ladder, an entry of `ladder.methods`.

    Attributes:
        only: Names of the tables that it imputes; null: all that it can.
    """

    only: tuple[str, ...] | None = None

    def fits(self, cell: Cell) -> bool:
        """Tell whether the method imputes a cell's table."""
        return self.only is None or cell.dataset in self.only

    def impute(self, task: Task) -> Completed:
        """Complete a masked table."""
        raise NotImplementedError


imputers: Registry[Imputer] = Registry("ladder method", __package__)


@imputers.register("estimator")
class Estimator(Imputer):
    """The project's own estimator.

    Attributes:
        assumption: `told` is the right word for each column that loses values; `described` what can be said
            beyond it, of tables of which there is something; any other word is said of the whole table.
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
        kinds = {name: "binary" if count == 2 else "categorical" for name, count in task.codes.items()}
        options: dict[str, Any] = {"steps": self.steps, "members": self.members}
        options = {name: value for name, value in options.items() if value is not None}
        imputer = NotMIWAEImputer(
            said, groups=groups, kinds=kinds, random_state=task.seed % _SEEDS, device="cpu", **options
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AssumptionWarning)
            imputer.fit(task.masked)
        mean, draws = imputer.complete(task.masked, task.draws)
        return Completed(_values(mean), np.stack([_values(draw) for draw in draws]))


@imputers.register("baseline")
class UsualImputer(Imputer):
    """A usual imputer, on columns standardised by what was observed of them, and a column for each code.

    Attributes:
        baseline: Entry of the baseline.
    """

    baseline: Annotated[Baseline, BeforeValidator(baselines.parse)]

    @override
    def impute(self, task: Task) -> Completed:
        encoding = Encoding.of(task.masked, task.codes)
        table = encoding.encode(task.masked)
        mean = encoding.decode(self.baseline.impute(table, task.seed), task.masked)
        draws = [encoding.decode(draw, task.masked) for draw in self.baseline.draw(table, task.seed)]
        return Completed(mean, np.array(draws).reshape(-1, *mean.shape))


@imputers.register("constant")
class Constant(Imputer):
    """The best constant: each column's true mean of its missing values, of codes their mode."""

    @override
    def impute(self, task: Task) -> Completed:
        values = task.masked.to_numpy(dtype=np.float64, copy=True)
        for place, name in enumerate(task.masked.columns):
            missing = np.isnan(values[:, place])
            known = task.complete.loc[missing, name].dropna()
            # Where nobody knows any of them, what was seen.
            column = known if len(known) else task.masked[name].dropna()
            values[missing, place] = column.mode()[0] if name in task.codes else column.mean()
        return Completed(values, np.empty((0, *values.shape)))


@imputers.register("oracle")
class Oracle(Imputer):
    """The Bayes-optimal imputation, which knows the law of the table and the mechanism."""

    @override
    def fits(self, cell: Cell) -> bool:
        return isinstance(cell.source, CorrelatedGaussian) and super().fits(cell)

    @override
    def impute(self, task: Task) -> Completed:
        assert isinstance(task.source, CorrelatedGaussian)
        assert task.mechanism is not None
        return impute_gaussian(task.source, task.mechanism, task.complete, task.masked, task.draws, task.seed)


def _in_words(said: Said) -> dict[str, str | Missing]:
    """Say of each column what can be said: a word, if there is no more."""
    if not said.given and not said.at_random:
        return dict(said.words)
    return {name: Missing(word, said.given, said.at_random) for name, word in said.words.items()}


def _values(table: pd.DataFrame) -> Floats:
    return table.to_numpy(dtype=np.float64)
