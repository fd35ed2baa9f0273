"""Jobs: in order, the same in any number of processes, and their errors are the caller's."""

import copy
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from notmiwae.errors import DataError, DivergenceError, ParameterError, WorkerError
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.progress import silent
from notmiwae.randomness import generator
from notmiwae.specs import parse_spec
from notmiwae.training.fit import fit
from notmiwae.training.recipe import TrainingSpec
from study.run.parallel import ComputeSpec, run_jobs

ONE, TWO = ComputeSpec(workers=1), ComputeSpec(workers=2)
EITHER = pytest.mark.parametrize("compute", [ONE, TWO], ids=["one", "two"])


def last_first(number, jobs, report):
    """A job that takes the longer the sooner it starts."""
    time.sleep(0.02 * (jobs - number))
    report(number + 1, jobs, 0.5)
    return number, os.getpid()


def train(seed, report):
    table = generator(seed, "table").normal(size=(40, 2))
    table[:20, 0] = np.nan
    network = ModelSpec(latent_size=1, encoder={"kind": "linear"}, decoder={"kind": "linear"})
    process = processes.parse({"kind": "self_masking"})
    spec = TrainingSpec(steps=20, samples=5, check_every=5)
    result = fit(table, ("a", "b"), network, process, spec, seed, report)
    return result.curve, {name: value.numpy() for name, value in result.fitted.model.state_dict().items()}


def fail(error, number, report):
    if number == 1:
        raise error
    return number


@EITHER
def test_results_come_in_the_order_of_the_jobs(compute):
    found = run_jobs(last_first, [(number, 6) for number in range(6)], compute, "order")
    assert [number for number, _ in found] == list(range(6))


def test_one_worker_is_this_process_and_two_are_others():
    jobs = [(number, 4) for number in range(4)]
    assert {process for _, process in run_jobs(last_first, jobs, ONE, "one")} == {os.getpid()}
    others = {process for _, process in run_jobs(last_first, jobs, TWO, "two")}
    assert os.getpid() not in others
    assert 1 <= len(others) <= 2


def test_training_gives_the_same_bits_in_one_process_and_in_two():
    jobs = [(seed,) for seed in (1, 2, 3)]
    for one, two in zip(run_jobs(train, jobs, ONE, "one"), run_jobs(train, jobs, TWO, "two"), strict=True):
        assert one[0] == two[0]
        assert all(np.array_equal(one[1][name], two[1][name]) for name in one[1])


@pytest.mark.parametrize("kind", [DataError, DivergenceError, ParameterError, ZeroDivisionError])
def test_a_users_error_is_whole_after_the_way_between_processes(kind):
    error = copy.copy(kind("what went wrong"))  # by what pickling uses too
    assert type(error) is kind
    assert str(error) == "what went wrong"


def test_a_line_tells_how_many_jobs_took_how_long(capsys):
    run_jobs(last_first, [(0, 1)], ONE, "generate gaussian")
    assert capsys.readouterr().err.startswith("generate gaussian: 1 job(s) in ")


@pytest.mark.parametrize(("workers", "jobs", "processes"), [(1, 5, 1), (3, 5, 3), (8, 5, 5)])
def test_there_are_never_more_processes_than_jobs(workers, jobs, processes):
    assert ComputeSpec(workers=workers).processes(jobs) == processes


def test_null_workers_take_the_cores_that_this_process_may_use():
    assert ComputeSpec().processes(10**6) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("workers", [0, -1, 1.5, "all"])
def test_a_number_of_workers_that_makes_no_sense_is_named(workers):
    with pytest.raises(ParameterError, match=r"^params.yaml: compute.workers: .*found"):
        parse_spec(ComputeSpec, {"workers": workers}, "params.yaml: compute")


def test_reporting_to_nobody_does_nothing():
    assert silent(1, 2, 0.5) is None


# Last, since an error ends the processes, which take seconds to start.
@EITHER
def test_a_jobs_error_reaches_the_caller_as_it_was(compute, capsys):
    jobs = [(DivergenceError("what went wrong, in one line"), number) for number in range(3)]
    with pytest.raises(DivergenceError, match=r"^what went wrong, in one line$"):
        run_jobs(fail, jobs, compute, "failing")
    assert capsys.readouterr().err == ""


def die_or_wait(number, report):
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def fail_or_wait(number, report):
    if number == 0:
        raise DataError("row 3 is wrong")
    time.sleep(60)


@pytest.mark.parametrize(
    ("job", "error", "said"),
    [
        (die_or_wait, WorkerError, "a process died before its job was done"),
        (fail_or_wait, DataError, "row 3"),
    ],
)
def test_a_dead_process_or_a_failed_job_ends_the_others_at_once(job, error, said):
    started, before = time.monotonic(), set(multiprocessing.active_children())
    with pytest.raises(error, match=said):
        run_jobs(job, [(number,) for number in range(4)], TWO, "end")
    while set(multiprocessing.active_children()) - before:
        assert time.monotonic() - started < 30
        time.sleep(0.05)
