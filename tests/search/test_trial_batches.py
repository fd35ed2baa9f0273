"""Batches: what is asked depends on the batches before, and only what is worse than its elders is stopped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState
from small_sweep import AT_ONCE, TRIALS, found_alone, tiny, write

from notmiwae.progress import silent
from study.run.parallel import ComputeSpec
from study.search.search_trial import run_trial
from study.search.sweep_spec import COMPUTES, Pruning, read_sweep
from study.search.trial_batches import ask, curves, run_sweep
from study.search.trial_storage import open_storage


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, tiny()))
    return read_sweep()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A search and its trials."""
    return found_alone(tmp_path_factory.mktemp("done"))


def bars(sweep, trials, number):
    """The bounds below which a trial is stopped, from the trials of the batches before its own."""
    first = number - number % AT_ONCE
    elders = [t for t in trials[:first] if t.state == TrialState.COMPLETE and t.intermediate_values]
    if len(elders) < sweep.pruning.startup:
        return {}
    steps = set.intersection(*(set(t.intermediate_values) for t in elders))
    return {
        step: np.percentile([t.intermediate_values[step] for t in elders], sweep.pruning.percentile)
        for step in steps
        if step > sweep.pruning.warm_up
    }


def test_a_trial_is_stopped_where_it_is_below_the_percentile_of_its_elders_and_not_else(done):
    sweep, trials = done
    states = [trial.user_attrs["state"] for trial in trials]
    assert {"complete", "stopped"} <= set(states)
    for trial, state in zip(trials, states, strict=True):
        below = [
            step
            for step, bar in bars(sweep, trials, trial.number).items()
            if trial.intermediate_values.get(step, np.inf) < bar
        ]
        assert below == ([trial.user_attrs["steps"]] if state == "stopped" else [])
        if state == "stopped":
            assert trial.value == trial.intermediate_values[trial.user_attrs["steps"]]
            assert "rmse" not in trial.user_attrs


def test_a_trial_of_several_starts_is_not_compared(done):
    _, trials = done
    for trial in trials:
        if trial.params["missing_process"] == "unknown":
            assert trial.user_attrs["state"] == "complete"
            assert not trial.intermediate_values


def test_a_batch_depends_on_the_batches_before_and_on_nothing_else(done):
    sweep, trials = done
    for first in range(0, TRIALS, AT_ONCE):
        batch = trials[first : first + AT_ONCE]
        assert ask(sweep, trials[:first], trials[0].params) == [trial.params for trial in batch]
        assert len({str(trial.params) for trial in batch}) == len(batch)


@given(
    st.lists(st.lists(st.floats(-5, 5), min_size=4, max_size=4), max_size=12),
    st.integers(1, 6),
    st.integers(1, 99),
    st.integers(0, 4),
)
def test_at_most_the_percentile_of_what_came_before_lies_below_its_bar(values, startup, percentile, warm_up):
    before = [dict(enumerate(bounds, start=1)) for bounds in values]
    found = Pruning(startup=startup, percentile=percentile, warm_up=warm_up).bars(before)
    assert set(found) == (set(range(warm_up + 1, 5)) if len(before) >= startup else set())
    for step, bar in found.items():
        at = [curve[step] for curve in before]
        assert min(at) <= bar <= max(at)
        # Between two of them where the percentile falls between.
        assert sum(value < bar - 1e-9 for value in at) <= percentile / 100 * (len(at) - 1) + 1


def test_all_trials_meet_the_same_tables_and_noise(sweep):
    default = sweep.model_of(sweep.default())
    one, again = (run_trial(sweep.table, default, sweep.seed, 2, {}, silent) for _ in range(2))
    assert one == again
    assert one.state == "complete"
    wider = run_trial(
        sweep.table, sweep.model_of(sweep.default() | {"samples": 21}), sweep.seed, 2, {}, silent
    )
    # Paired: on the same held-out rows, a sample more changes little.
    assert abs(wider.bound - one.bound) < 0.1


def test_a_bar_stops_a_trial_at_its_step(sweep):
    default = sweep.model_of(sweep.default())
    told = []
    found = run_trial(sweep.table, default, sweep.seed, 2, {6: np.inf}, lambda *args: told.append(args))
    assert (found.state, found.steps, list(found.bounds), found.metrics) == ("stopped", 6, [3, 6], {})
    assert found.bound == found.bounds[6]
    # So that its progress bar ends.
    assert told[-1][:2] == (1, 1)


def test_a_trial_that_diverges_is_the_samplers_worst(sweep, tmp_path):
    wild = sweep.model_of(sweep.default() | {"learning_rate": 0.1})
    training = wild.recipe.training.model_copy(update={"learning_rate": 1e30})
    wild = wild.model_copy(update={"recipe": wild.recipe.model_copy(update={"training": training})})
    found = run_trial(sweep.table, wild, sweep.seed, 2, {}, silent)
    assert (found.state, found.bound, found.bounds) == ("diverged", None, {})


def test_a_search_is_another_one_when_what_it_is_made_from_changes(tmp_path, monkeypatch):
    names = []
    base = tiny()
    for change in (
        {},
        {"at_once": 5},
        {"replicates": 1},
        {"pruning": None},
        {"trials": 50},
        {"storage": "redis://x"},
    ):
        monkeypatch.chdir(write(tmp_path / str(len(names)), tiny(**change)))
        names.append(read_sweep().name())
    base["seed"] += 1
    monkeypatch.chdir(write(tmp_path / "seed", base))
    names.append(read_sweep().name())
    assert len(set(names)) == 5
    # More trials, elsewhere, are of the same search.
    assert names[0] == names[4] == names[5]


def test_its_code_is_part_of_what_a_search_is_made_from():
    assert [path for path in COMPUTES if not path.is_file()] == []


def test_curves_are_of_the_complete_and_watched_trials(done):
    _, trials = done
    count = sum(
        t.user_attrs["state"] == "complete" and t.params["missing_process"] != "unknown" for t in trials
    )
    assert len(curves(trials)) == count


def test_without_pruning_nothing_is_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, tiny(pruning=None, trials=5)))
    found = read_sweep()
    trials = run_sweep(found, open_storage(None, tmp_path / "a", found.name()), False, ComputeSpec(workers=1))
    assert {trial.user_attrs["state"] for trial in trials} == {"complete"}
