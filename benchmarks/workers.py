"""(f) The same jobs on one local process, on two, and on a Dask cluster of two workers on this machine.

    python benchmarks/workers.py

Eight trainings of red wine, 200 steps each. Dask's start is not counted, nor are the local processes'
imports: they are forks of this one.
"""

import os
import subprocess
import sys
from pathlib import Path

from common import fastest, settings, table, write
from distributed import LocalCluster

from notmiwae.inference.training import fit
from notmiwae.parallel import ComputeSpec, Report, run_jobs

JOBS, STEPS = 8, 200


def train(seed: int, report: Report) -> float:
    """One job: its held-out bound."""
    network, recipe = settings()
    _, masked = table("red")
    training = recipe.training.model_copy(update={"steps": STEPS})
    columns = tuple(masked.columns)
    return fit(masked.to_numpy(), columns, network, recipe.missing_process, training, seed).validation_bound


def main() -> None:
    """Measure each way."""
    rows, results = [], []

    def measure(way: str, compute: ComputeSpec) -> None:
        found = []
        taken = fastest(
            lambda: found.append(run_jobs(train, [(seed,) for seed in range(JOBS)], compute, way)), 2
        )
        results.append(found[0])
        rows.append(
            {
                "way": way,
                "seconds": taken,
                "times_faster_than_one": rows[0]["seconds"] / taken if rows else 1.0,
            }
        )

    measure("one local process", ComputeSpec(workers=1))
    measure("two local processes", ComputeSpec(workers=2))
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as cluster:
        command = [sys.executable, "-m", "notmiwae.worker", cluster.scheduler_address]
        # They have to find this folder's modules.
        known = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
        workers = [subprocess.Popen(command, env=known) for _ in range(2)]
        try:
            measure("Dask, two workers", ComputeSpec(backend="dask", address=cluster.scheduler_address))
        finally:
            for worker in workers:
                worker.terminate()
    assert results[0] == results[1] == results[2], "the way changes the results"
    write("workers", rows)


if __name__ == "__main__":
    main()
