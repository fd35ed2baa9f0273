"""The trials of a search: chosen in batches, run by whoever claims them, the same whoever that is.

A trial's setting hangs on its number and on the trials of the batches before its own, and on nothing else:
not on how many processes or machines take part, on which of them was quicker, or on how often they were
killed. Trial 0 is the default. The storage holds a place for each trial from the start; who runs one claims
it there, and writes down what came of it. A trial that its runner left behind is run again, and comes out the
same, so that nothing is lost if two do it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from notmiwae.randomness import seed_sequence
from study.run.parallel import ComputeSpec, run_jobs
from study.search.search_space import Setting
from study.search.search_trial import Outcome, run_trial
from study.search.sweep_spec import SECTION, Sweep

_POLL = 0.5
"""Seconds between looks at what other machines have done."""


class Trials:
    """A study's trials in a storage.

    Arguments:
        storage: Where they are.
        name: The study's name.
        count: How many there are to be.
        patience: Seconds to wait for another machine that has begun to write them.
    """

    def __init__(self, storage: BaseStorage, name: str, count: int, patience: float) -> None:
        self._storage = storage
        self._count = count
        try:
            self._study = storage.create_new_study([StudyDirection.MAXIMIZE], name)
            patience = 0.0
        except DuplicatedStudyError:
            self._study = storage.get_study_id_from_name(name)
        until = time.monotonic() + patience
        while len(self.all()) < count and time.monotonic() < until:
            time.sleep(_POLL)
        for _ in range(count - len(self.all())):
            storage.create_new_trial(self._study, create_trial(state=TrialState.WAITING))

    def all(self) -> list[FrozenTrial]:
        """All trials, by number."""
        found = self._storage.get_all_trials(self._study)
        return sorted(found, key=lambda trial: trial.number)[: self._count]

    def claim(self, number: int) -> bool:
        """Whether the trial is now this process's to run, and nobody else's."""
        try:
            return self._storage.set_trial_state_values(self._id(number), TrialState.RUNNING)
        except UpdateFinishedTrialError:
            return False

    def tell(self, number: int, setting: Setting, space: Sweep, outcome: Outcome) -> None:
        """Write down what came of a trial, its state last."""
        trial = self._id(number)
        try:
            for name, dial in space.space.items():
                internal = dial.distribution.to_internal_repr(setting[name])
                self._storage.set_trial_param(trial, name, internal, dial.distribution)
            for step, bound in outcome.bounds.items():
                self._storage.set_trial_intermediate_value(trial, step, bound)
            for key, value in {"state": outcome.state, "steps": outcome.steps, **outcome.figures}.items():
                self._storage.set_trial_user_attr(trial, key, value)
            # One that diverged has no intermediate value either, and is to the sampler the worst of all.
            state = TrialState.COMPLETE if outcome.state == "complete" else TrialState.PRUNED
            self._storage.set_trial_state_values(
                trial, state, None if outcome.bound is None else [outcome.bound]
            )
        except UpdateFinishedTrialError:
            # Another machine was quicker, with the same outcome.
            pass

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study, number)


def run_sweep(sweep: Sweep, storage: BaseStorage, shared: bool, compute: ComputeSpec) -> list[FrozenTrial]:
    """Run what is left of a search; all its trials, by number.

    Arguments:
        sweep: The search.
        storage: Where its trials are.
        shared: Whether other machines may take part: then this one claims what it has processes for, and
            waits for what others have claimed.
        compute: How many processes.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = Trials(storage, sweep.name(), sweep.trials, sweep.patience if shared else 0.0)
    default = sweep.default()
    most = compute.processes(sweep.at_once) if shared and compute.backend == "local" else sweep.at_once
    changed, seen = time.monotonic(), -1
    while True:
        found = trials.all()
        left = [trial.number for trial in found if not trial.state.is_finished()]
        if not left:
            return found
        if len(left) != seen:
            changed, seen = time.monotonic(), len(left)
        first = left[0] - left[0] % sweep.at_once
        batch = [number for number in left if number < first + sweep.at_once]
        mine = _claimed(trials, batch, most)
        if not mine:
            if shared and time.monotonic() - changed < sweep.patience:
                time.sleep(_POLL)
                continue
            # Nobody has finished these for long: who claimed them is gone.
            mine = batch[:most]
        _run(sweep, trials, found[:first], mine, default, compute)


def _claimed(trials: Trials, batch: Sequence[int], most: int) -> list[int]:
    mine: list[int] = []
    for number in batch:
        if len(mine) < most and trials.claim(number):
            mine.append(number)
    return mine


def _run(
    sweep: Sweep,
    trials: Trials,
    before: Sequence[FrozenTrial],
    mine: Sequence[int],
    default: Setting,
    compute: ComputeSpec,
) -> None:
    """Run some trials of a batch, given all trials of the batches before it."""
    first = len(before)
    settings = ask(sweep, before, default)
    bars = sweep.pruning.bars(curves(before)) if sweep.pruning else {}
    common = (sweep.seed, sweep.replicates, bars)
    jobs = [(sweep.table, sweep.model_of(settings[number - first]), *common) for number in mine]
    for number, outcome in zip(
        mine, run_jobs(run_trial, jobs, compute, f"{SECTION} {mine[0]}…{mine[-1]}"), strict=True
    ):
        trials.tell(number, settings[number - first], sweep, outcome)


def curves(trials: Sequence[FrozenTrial]) -> list[dict[int, float]]:
    """The bounds by step of the completed trials that were watched."""
    return [
        trial.intermediate_values
        for trial in trials
        if trial.state == TrialState.COMPLETE and trial.intermediate_values
    ]


def ask(sweep: Sweep, before: Sequence[FrozenTrial], default: Setting) -> list[Setting]:
    """The settings of the batch that follows some trials.

    A study in memory is given those trials, and a sampler with a seed of the batch's own is asked as often
    as the batch has trials; each counts as a poor one until all are asked, so that they keep apart.
    """
    first = len(before)
    random = seed_sequence(sweep.seed, "sampler", first).generate_state(1)[0]
    sampler = TPESampler(seed=int(random), n_startup_trials=sweep.startup, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(before)
    if not before:
        study.enqueue_trial(default)
    distributions = {name: dial.distribution for name, dial in sweep.space.items()}
    count = min(sweep.at_once, sweep.trials - first)
    asked: list[dict[str, Any]] = [study.ask(distributions).params for _ in range(count)]
    return asked


def best(trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The trial with the highest bound among those that were trained to their end; of equals, the first."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    bounds = [float(trial.value if trial.value is not None else -np.inf) for trial in complete]
    return complete[int(np.argmax(bounds))]
