"""One trial of a search: train a setting, judge it by its held-out bound, and stop it where that is low."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from notmiwae.errors import DivergenceError
from notmiwae.progress import Report
from study.data.datasets import DatasetSpec
from study.evaluation.from_scratch import Model, evaluate_from_scratch

State = Literal["complete", "stopped", "diverged"]
RECORDED = ("rmse", "crps")
"""Metrics of the imputed cells, for the reader: they play no part in the choice."""


class StoppedError(Exception):
    """Ends the training of a trial whose bound is low."""


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        state: How it ended: trained to its end, stopped early, or diverged.
        bound: Held-out bound, nats a row, mean over replicates: of the kept weights, or the latest one of a
            trial that was stopped; None if it diverged.
        steps: Number of steps that it came to.
        bounds: Held-out bound by the step at which it was measured.
        metrics: Values of `RECORDED`, means over replicates, of a trial that is complete.
    """

    state: State
    bound: float | None
    steps: int
    bounds: dict[int, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def run_trial(
    table: DatasetSpec, model: Model, seed: int, replicates: int, bars: Mapping[int, float], report: Report
) -> Outcome:
    """Train, impute and evaluate one setting on some replicates.

    Arguments:
        table: Table and its mechanism.
        model: Model with the setting's values.
        seed: Seed of everything random; the same one gives the same tables, held-out rows and noise.
        replicates: Number of replicates.
        bars: Bound below which the trial is stopped, by step.
        report: Progress bar, told of every measurement.
    """
    watched = _reports_the_whole_trial(model, replicates)
    bounds: dict[int, float] = {}
    steps = 0

    def watch(step: int, total: int, bound: float) -> None:
        nonlocal steps
        steps = step
        report(step, total, bound)
        if watched:
            bounds[step] = bound
            if bound < bars.get(step, -np.inf):
                raise StoppedError

    try:
        metrics = evaluate_from_scratch(table, model, seed, range(replicates), watch)
    except StoppedError:
        report(1, 1, bounds[steps])
        return Outcome("stopped", bounds[steps], steps, bounds)
    except DivergenceError:
        report(1, 1, 0.0)
        return Outcome("diverged", None, steps)
    means = {
        name: float(np.mean([replicate[name] for replicate in metrics])) for name in ("bound", *RECORDED)
    }
    return Outcome("complete", means.pop("bound"), steps, bounds, means)


def _reports_the_whole_trial(model: Model, replicates: int) -> bool:
    """Return whether the bound that training reports is the mean over all models of the trial.

    Where training has several starts, or its models are computed in several batches, a report is of some of
    them, and can't be compared with another trial's.
    """
    training = model.recipe.training
    starts = len(model.recipe.missing_process.starts()) * training.restarts
    return starts == 1 and replicates * model.recipe.members <= training.together
