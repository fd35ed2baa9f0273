"""Where independent jobs run: processes of one thread each, on this machine or on a Dask cluster."""

import multiprocessing
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import numpy as np
from pydantic import PositiveInt, model_validator
from rich.console import Console
from rich.progress import Progress

from notmiwae.computing import cores
from notmiwae.errors import WorkerError
from notmiwae.progress import COLUMNS, silent
from notmiwae.specs import Spec
from study.run.cluster import run_on_cluster
from study.run.loggers import Log, Sink, sink
from study.run.process_env import die_with_parent

R = TypeVar("R")
T = TypeVar("T")


class ComputeSpec(Spec):
    """The section `compute` of params.yaml.

    Attributes:
        backend: `local`: processes on this machine; `dask`: the workers of a cluster.
        workers: Number of local processes that run jobs at once; null takes one for each core.
        address: Address of the cluster's scheduler, `tcp://host:8786`.
        device: Device that computes models; see `notmiwae.computing.resolve`.
        log: Logger that draws the curves of local jobs while they run; see `study.run.loggers`.
    """

    backend: Literal["local", "dask"] = "local"
    workers: PositiveInt | None = None
    address: str | None = None
    device: str = "cpu"
    log: Log | None = None

    @model_validator(mode="after")
    def _dask_has_an_address(self) -> Self:
        if self.backend == "dask" and not self.address:
            raise ValueError("backend dask needs the address of a scheduler, as tcp://host:8786")
        return self

    def processes(self, jobs: int) -> int:
        """Count the processes that `jobs` jobs are given."""
        return min(jobs, self.workers or cores())


def run_jobs(
    function: Callable[..., R], jobs: Sequence[tuple[Any, ...]], compute: ComputeSpec, title: str
) -> list[R]:
    """Run `function(*job, report)` for each job, in parallel, with a progress bar for each.

    A job's result may not depend on which process runs it, or on how many there are.

    Arguments:
        function: A module-level function; its last argument is a `Report`.
        jobs: Other arguments of each call.
        compute: Number of processes.
        title: Name of the bars; each also has its job's number.

    Raises:
        WorkerError: a process died.
    """
    with tempfile.TemporaryDirectory() as folder:
        board = Path(folder) / "progress"
        np.zeros((len(jobs), 3)).tofile(board)
        if compute.address and compute.backend == "dask":
            return _run_on_cluster(function, jobs, compute.address, board, title)
        workers = compute.processes(len(jobs))
        tasks = [(function, job, board, number, len(jobs)) for number, job in enumerate(jobs)]
        if workers > 1:
            return _run_in_processes(tasks, workers, compute.log, board, title)
        with sink(compute.log, title) as curves, _Watch(board, len(jobs), title, curves):
            return [_run(*task) for task in tasks]


def _run_in_processes(
    tasks: Sequence[tuple[Any, ...]], workers: int, log: Log | None, board: Path, title: str
) -> list[Any]:
    """Run tasks in processes of this machine.

    Raises:
        WorkerError: one of the processes died.
    """
    # Forked, they have what the stage imported; fresh ones would take seconds to import it again.
    others = set(multiprocessing.active_children())
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=fork, initializer=_begin_worker) as pool:
        try:
            # The fork comes before the watching thread, since a thread's locks would be copied as they stand.
            futures = [pool.submit(_run, *task) for task in tasks]
            with sink(log, title) as curves, _Watch(board, len(tasks), title, curves):
                return [future.result() for future in futures]
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in set(multiprocessing.active_children()) - others:
                worker.kill()
            if isinstance(error, BrokenProcessPool):
                raise WorkerError(
                    f"{title}: a process died before its job was done: killed, or out of memory "
                    f"(compute.workers: {workers}); jobs that are done are kept, run it again"
                ) from None
            raise


def _begin_worker() -> None:
    # A worker whose stage was killed would go on with its job; one that is interrupted is ended by its stage.
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_on_cluster(
    function: Callable[..., R], jobs: Sequence[tuple[Any, ...]], address: str, board: Path, title: str
) -> list[R]:
    rows = np.memmap(board, dtype=np.float64, mode="r+", shape=(len(jobs), 3))

    def done(ended: int) -> None:
        # How far the others are is known on their machines.
        rows[:ended, :2] = 1

    with _Watch(board, len(jobs), title):
        return run_on_cluster(function, [(*job, silent) for job in jobs], address, done)


def _run(function: Callable[..., R], job: tuple[Any, ...], board: Path, number: int, jobs: int) -> R:
    rows = np.memmap(board, dtype=np.float64, mode="r+", shape=(jobs, 3))

    def report(step: int, steps: int, value: float) -> None:
        rows[number] = (step, steps, value)

    result = function(*job, report)
    rows[number, 0] = rows[number, 1] = max(rows[number, 1], 1)
    return result


class _Watch:
    """Shows the progress board in the terminal while the block runs; elsewhere, a line at its end.

    Arguments:
        board: Steps, numbers of steps and values of the jobs.
        jobs: Number of jobs.
        title: Name of the jobs.
        curves: Logger that takes their values too.
    """

    def __init__(self, board: Path, jobs: int, title: str, curves: Sink | None = None) -> None:
        self._rows = np.memmap(board, dtype=np.float64, mode="r", shape=(jobs, 3))
        self._title = title
        self._curves = curves
        self._logged = np.zeros(jobs)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._started = time.perf_counter()
        if sys.stderr.isatty() or self._curves:
            self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()
        self._log()
        if error[0] is None:
            seconds = time.perf_counter() - self._started
            print(f"{self._title}: {len(self._rows)} job(s) in {seconds:.1f} s", file=sys.stderr)

    def _log(self) -> None:
        """Hand on the values that are new."""
        if not self._curves:
            return
        rows = self._rows.copy()
        for job in np.flatnonzero((rows[:, 0] > self._logged) & (rows[:, 2] != 0)).tolist():
            self._curves.log(job, int(rows[job, 0]), float(rows[job, 2]))
            self._logged[job] = rows[job, 0]

    def _watch(self) -> None:
        if not sys.stderr.isatty():
            while not self._done.wait(0.2):
                self._log()
            return
        with Progress(*COLUMNS, console=Console(stderr=True), transient=True) as progress:
            jobs = progress.add_task(self._title, total=len(self._rows), value="jobs")
            bars = [
                progress.add_task(f"{self._title} {number}", total=None, value="", visible=False)
                for number in range(len(self._rows))
            ]
            while not self._done.wait(0.2):
                self._log()
                for bar, (step, steps, value) in zip(bars, self._rows.tolist(), strict=True):
                    shown = f"bound {value:.3f}" if value else ""
                    # Of many jobs only those at work are shown.
                    working = 0 < step < steps
                    progress.update(
                        bar, completed=int(step), total=int(steps) or None, value=shown, visible=working
                    )
                done = (self._rows[:, 0] == self._rows[:, 1]) & (self._rows[:, 1] > 0)
                progress.update(jobs, completed=int(done.sum()))
