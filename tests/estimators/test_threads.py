"""An imputer computes on one thread, leaves the program's number alone, and survives a fork."""

import multiprocessing
import threading

import numpy as np
import pytest
import torch
from sklearn.base import clone
from user_tables import QUICK, gaussian, mixed

from notmiwae import MIWAEImputer, NotMIWAEImputer
from notmiwae.errors import ParameterError
from notmiwae.estimators import miwae_imputer
from notmiwae.estimators import workers as jobs
from notmiwae.estimators.threads import torch_threads


@pytest.fixture
def two_threads():
    """A program that has given torch two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def counted(monkeypatch):
    """Numbers of threads seen inside training, imputation and scoring."""
    seen = {}

    def watch(module, name):
        original = getattr(module, name)

        def watched(*arguments, **named):
            seen[name] = torch.get_num_threads()
            return original(*arguments, **named)

        monkeypatch.setattr(module, name, watched)

    watch(jobs, "fit_together")
    watch(jobs, "impute_together")
    watch(miwae_imputer, "row_bounds")
    return seen


@pytest.mark.parametrize(("asked", "threads"), [({}, 1), ({"n_threads": 2}, 2)])
def test_it_computes_on_one_thread_or_as_many_as_were_asked_for(two_threads, counted, asked, threads):
    table = mixed()
    imputer = NotMIWAEImputer("high", **QUICK | asked).fit(table)
    assert torch.get_num_threads() == 2
    imputer.transform(table)
    assert torch.get_num_threads() == 2
    imputer.score_samples(table)
    imputer.plot_missing_process(table)
    assert torch.get_num_threads() == 2
    assert counted == dict.fromkeys(("fit_together", "impute_together", "row_bounds"), threads)


def test_the_program_has_its_threads_back_after_an_error(two_threads, monkeypatch):
    def broken(*arguments, **named):
        raise ParameterError("broken")

    monkeypatch.setattr(jobs, "fit_together", broken)
    with pytest.raises(ParameterError, match="broken"):
        MIWAEImputer(**QUICK).fit(mixed())
    assert torch.get_num_threads() == 2


def test_the_programs_threads_change_no_bit(two_threads):
    _, seen = gaussian(200)
    arguments = {"steps": 5, "members": 2, "n_samples": 200, "hidden": (128, 128), "random_state": 0}
    among_two = NotMIWAEImputer("high", **arguments).fit(seen)
    torch.set_num_threads(1)
    alone = NotMIWAEImputer("high", **arguments).fit(seen)
    assert among_two.transform(seen).tobytes() == alone.transform(seen).tobytes()
    assert among_two.bound_ == alone.bound_


def test_python_threads_that_overlap_leave_the_programs_number(two_threads):
    first_in, second_in, first_out = (threading.Event() for _ in range(3))
    inside = []

    def first():
        with torch_threads(1):
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second():
        first_in.wait(10)
        with torch_threads(1):
            second_in.set()
            first_out.wait(10)
            inside.append(torch.get_num_threads())

    workers = [threading.Thread(target=each) for each in (first, second)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert inside == [1], "what another leaves behind doesn't reach in"
    found = []
    after = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    after.start()
    after.join()
    assert found == [torch.get_num_threads()] == [2]


def _child(imputer, table, queue):
    queue.put((imputer.transform(table), clone(imputer).fit(table).transform(table)))


def from_a_forked_child(imputer, table):
    """What a child of this process transforms, by the fitted imputer and by one that it fits itself."""
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    child = fork.Process(target=_child, args=(imputer, table, queue))
    child.start()
    try:
        return queue.get(timeout=60)
    finally:
        child.kill()
        child.join()


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_transforms_and_fits(two_threads, busy):
    # The pool of threads that a fit used before doesn't exist in a child, which then waited for ever.
    _, seen = gaussian(100)
    arguments = {"steps": 5, "members": 2, "n_samples": 50, "hidden": (128, 128), "random_state": 0}
    if busy:
        _ = torch.ones(1000, 1000) @ torch.ones(1000, 1000)
    imputer = MIWAEImputer(**arguments).fit(seen)
    expected = imputer.transform(seen)
    for found in from_a_forked_child(imputer, seen):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_of_a_program_with_threads_computes_on_one():
    table = np.random.default_rng(0).normal(size=(300, 4))
    table[::3, 0] = np.nan
    options = QUICK | {"hidden": (256, 256), "n_threads": 2, "n_samples": 200}
    imputer = MIWAEImputer(**options).fit(table)
    expected = imputer.transform(table)
    before = torch.get_num_threads()
    for found in from_a_forked_child(imputer, table):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert torch.get_num_threads() == before
