"""The usual imputers on the ladder, and what nobody could do better."""

from typing import Annotated

import numpy as np
from pydantic import BeforeValidator
from typing_extensions import override

from notmiwae.specs import Registry, Spec
from study.baselines.baseline import Baseline, baselines
from study.baselines.encoding import Encoding
from study.data.sources.correlated_gaussian import CorrelatedGaussian
from study.ladder.gaussian_oracle import impute_gaussian
from study.ladder.ladder_cells import Cell, Completed, Task


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
