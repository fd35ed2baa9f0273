"""(f) The same jobs on one local process, on two, and on a Dask cluster of two workers on this machine.

    python benchmarks/workers.py

Eight trainings of red wine, 400 steps each; the first twelve trials of the Gaussian's search. Dask's start
is not counted, nor are the local processes' imports: they are forks of this one.
"""

import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from common import ROOT, fastest, settings, table, write
from distributed import LocalCluster
from optuna.storages import InMemoryStorage

from notmiwae.progress import Report
from notmiwae.training.fit import fit
from study.run.parallel import ComputeSpec, run_jobs
from study.search.sweep_spec import read_sweep
from study.search.trial_batches import run_sweep

JOBS, STEPS, TRIALS = 8, 400, 12


def train(seed: int, report: Report) -> float:
    """One job: its held-out bound."""
    network, recipe = settings()
    _, masked = table("red")
    training = recipe.training.model_copy(update={"steps": STEPS})
    columns = tuple(masked.columns)
    return fit(masked.to_numpy(), columns, network, recipe.missing_process, training, seed).validation_bound


def train_all(compute: ComputeSpec) -> list[float]:
    """All trainings."""
    return run_jobs(train, [(seed,) for seed in range(JOBS)], compute, "train")


def search(compute: ComputeSpec) -> list[float | None]:
    """The trials of a search: their bounds."""
    with chdir(ROOT):  # whose params.yaml it reads
        sweep = read_sweep().model_copy(update={"trials": TRIALS})
        return [trial.value for trial in run_sweep(sweep, InMemoryStorage(), False, compute)]


WORK = {f"{JOBS} trainings": train_all, f"{TRIALS} trials of a search": search}


def main() -> None:
    """Measure each way."""
    rows, results = [], {}

    def measure(what: str, way: str, compute: ComputeSpec) -> None:
        found = []
        taken = fastest(lambda: found.append(WORK[what](compute)), 2)
        assert found[-1] == results.setdefault(what, found[-1]), "the way changes the results"
        one = next((row["seconds"] for row in rows if row["work"] == what), taken)
        rows.append({"work": what, "way": way, "seconds": taken, "times_faster_than_one": one / taken})

    for what in WORK:
        measure(what, "one local process", ComputeSpec(workers=1))
        measure(what, "two local processes", ComputeSpec(workers=2))
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as cluster:
        command = [sys.executable, "-m", "study.run.worker", cluster.scheduler_address]
        # They have to find this folder's modules.
        known = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
        workers = [subprocess.Popen(command, env=known) for _ in range(2)]
        try:
            compute = ComputeSpec(backend="dask", address=cluster.scheduler_address)
            measure(next(iter(WORK)), "Dask, two workers", compute)
        finally:
            for worker in workers:
                worker.terminate()
    write("workers", rows)


if __name__ == "__main__":
    main()
