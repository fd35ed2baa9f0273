"""One trial of a search: a setting trained, judged by its held-out bound, and stopped where that is low."""

from __future__ import annotations

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
"""Figures of the imputed cells, for the reader: they play no part in the choice."""


class StoppedError(Exception):
    """Ends the training of a trial whose bound is low."""


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        state: Whether it was trained to its end.
        bound: The held-out bound, nats a row, mean over replicates: of the kept weights, or the latest one
            of a trial that was stopped; None if it diverged.
        steps: How far it came.
        bounds: The bound at each step at which it was measured.
        figures: `RECORDED`, means over replicates, of a trial that is complete.
    """

    state: State
    bound: float | None
    steps: int
    bounds: dict[int, float] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)


def run_trial(
    table: DatasetSpec,
    model: Model,
    seed: int,
    replicates: int,
    bars: Mapping[int, float],
    report: Report,
) -> Outcome:
    """Train, impute and evaluate one setting on some replicates.

    Arguments:
        table: The table and its mechanism.
        model: The setting.
        seed: Of everything random; the same seed gives the same tables, held-out rows and noise.
        replicates: How many.
        bars: The bound at each step below which it's stopped.
        report: Told of every measurement.
    """
    watched = _is_one_stack(model, replicates)
    bounds: dict[int, float] = {}
    steps = 0

    def watch(step: int, total: int, reached: float) -> None:
        nonlocal steps
        steps = step
        report(step, total, reached)
        if watched:
            bounds[step] = reached
            if reached < bars.get(step, -np.inf):
                raise StoppedError

    try:
        done = evaluate_from_scratch(table, model, seed, range(replicates), watch)
    except StoppedError:
        report(1, 1, bounds[steps])
        return Outcome("stopped", bounds[steps], steps, bounds)
    except DivergenceError:
        report(1, 1, 0.0)
        return Outcome("diverged", None, steps)
    means = {name: float(np.mean([each[name] for each in done])) for name in ("bound", *RECORDED)}
    return Outcome("complete", means.pop("bound"), steps, bounds, means)


def _is_one_stack(model: Model, replicates: int) -> bool:
    """Whether what is reported is the mean bound of the whole trial.

    Where training has several starts, or its models are computed in several stacks, a report is of some of
    them: nobody can be compared with it.
    """
    training = model.recipe.training
    starts = len(model.recipe.missing_process.starts()) * training.restarts
    return starts == 1 and replicates * model.recipe.members <= training.together
