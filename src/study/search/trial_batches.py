"""The trials of a search: chosen in batches, run by whoever claims them, the same whoever that is.

A trial's setting depends on its number and on the trials of the batches before its own, and on nothing else:
not on how many processes or machines take part, on which of them was quicker, or on how often they were
killed. Trial 0 is the default. The storage holds a place for each trial from the start; who runs one claims
it there, and writes down what came of it. A trial that its runner left behind is run again, and comes out the
same, so that nothing is lost if two do it.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

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
    """A search's trials in a storage.

    Arguments:
        storage: Storage that holds them.
        name: Name of the search.
        count: Number of trials that there are to be.
        patience: Seconds to wait for another machine that has begun to enter them.
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
        """Return all trials, by number."""
        trials = self._storage.get_all_trials(self._study)
        return sorted(trials, key=lambda trial: trial.number)[: self._count]

    def claim(self, number: int) -> bool:
        """Return whether the trial is now this process's to run, and nobody else's."""
        try:
            return self._storage.set_trial_state_values(self._id(number), TrialState.RUNNING)
        except UpdateFinishedTrialError:
            return False

    def tell(self, number: int, setting: Setting, sweep: Sweep, outcome: Outcome) -> None:
        """Write down what came of a trial, its state last."""
        trial = self._id(number)
        # Finished already: another machine was quicker, with the same outcome.
        with suppress(UpdateFinishedTrialError):
            for name, dial in sweep.space.items():
                internal = dial.distribution.to_internal_repr(setting[name])
                self._storage.set_trial_param(trial, name, internal, dial.distribution)
            for step, bound in outcome.bounds.items():
                self._storage.set_trial_intermediate_value(trial, step, bound)
            for key, value in {"state": outcome.state, "steps": outcome.steps, **outcome.metrics}.items():
                self._storage.set_trial_user_attr(trial, key, value)
            # One that diverged has no intermediate value either, and is to the sampler the worst of all.
            state = TrialState.COMPLETE if outcome.state == "complete" else TrialState.PRUNED
            values = None if outcome.bound is None else [outcome.bound]
            self._storage.set_trial_state_values(trial, state, values)

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study, number)


def run_sweep(sweep: Sweep, storage: BaseStorage, shared: bool, compute: ComputeSpec) -> list[FrozenTrial]:
    """Run what is left of a search, and return all its trials, by number.

    Arguments:
        sweep: Search.
        storage: Storage of its trials.
        shared: Whether other machines may take part: then this one claims what it has processes for, and
            waits for what others have claimed.
        compute: Number of processes, or the cluster.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    stored = Trials(storage, sweep.name(), sweep.trials, sweep.patience if shared else 0.0)
    default = sweep.default()
    most = compute.processes(sweep.at_once) if shared and compute.backend == "local" else sweep.at_once
    changed, left_before = time.monotonic(), -1
    while True:
        trials = stored.all()
        left = [trial.number for trial in trials if not trial.state.is_finished()]
        if not left:
            return trials
        if len(left) != left_before:
            changed, left_before = time.monotonic(), len(left)
        first = left[0] - left[0] % sweep.at_once
        batch = [number for number in left if number < first + sweep.at_once]
        mine = list(islice(filter(stored.claim, batch), most))
        if not mine:
            if shared and time.monotonic() - changed < sweep.patience:
                time.sleep(_POLL)
                continue
            # Nobody has finished these for long: who claimed them is gone.
            mine = batch[:most]
        settings = ask(sweep, trials[:first], default)
        outcomes = _run(sweep, trials[:first], {number: settings[number - first] for number in mine}, compute)
        for number, outcome in outcomes.items():
            stored.tell(number, settings[number - first], sweep, outcome)


def _run(
    sweep: Sweep, before: Sequence[FrozenTrial], settings: dict[int, Setting], compute: ComputeSpec
) -> dict[int, Outcome]:
    """Run some trials of a batch, given those of the batches before it; settings and outcomes by number."""
    bars = sweep.pruning.bars(curves(before)) if sweep.pruning else {}
    jobs = [
        (sweep.table, sweep.model_of(setting), sweep.seed, sweep.replicates, bars)
        for setting in settings.values()
    ]
    outcomes = run_jobs(run_trial, jobs, compute, f"{SECTION} {min(settings)}…{max(settings)}")
    return dict(zip(settings, outcomes, strict=True))


def curves(trials: Sequence[FrozenTrial]) -> list[dict[int, float]]:
    """Return the bounds by step of the completed trials that were watched."""
    return [
        trial.intermediate_values
        for trial in trials
        if trial.state == TrialState.COMPLETE and trial.intermediate_values
    ]


def ask(sweep: Sweep, before: Sequence[FrozenTrial], default: Setting) -> list[Setting]:
    """Return the settings of the batch that follows some trials.

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
    settings: list[dict[str, Any]] = [study.ask(distributions).params for _ in range(count)]
    return settings


def bound_of(trial: FrozenTrial) -> float:
    """Return the held-out bound of a complete trial, nats a row."""
    assert trial.value is not None
    return trial.value


def best(trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """Return the trial with the highest bound among those trained to their end; of equals, the first."""
    return max((trial for trial in trials if trial.state == TrialState.COMPLETE), key=bound_of)
