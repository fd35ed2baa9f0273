"""Impute all of the ladder's tables by one method, and measure how good that is."""

import time
from pathlib import Path

from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from study.ladder.imputers import Imputer, imputers
from study.ladder.ladder_cells import Cell, cells
from study.ladder.measure import measured_folder, write_measured
from study.ladder.rungs import LadderSpec
from study.run.jobs import Job, run_cells
from study.run.pipeline import EVALUATED, arguments, entry, section, seed
from study.run.resume import fingerprint, modules


def impute(job: Job, cell: Cell, imputer: Imputer, draws: int, report: Report) -> float:
    task = cell.task(job.seed, draws)
    started = time.perf_counter()
    completed = imputer.impute(task)
    seconds = time.perf_counter() - started
    write_measured(cell, task, completed, job.output)
    return seconds


def main() -> None:
    (method,) = arguments("method")
    ladder = section(LadderSpec, "ladder")
    imputer = entry(imputers, f"ladder.methods.{method}")
    code = fingerprint(Path(__file__), *modules("notmiwae/estimators", "study/evaluation", "study/ladder"))
    work = []
    for cell in cells(ladder):
        if not imputer.fits(cell):
            continue
        # Of all methods that are the same but for what they assume, the same.
        random = torch_seed(seed(), cell.mechanism, cell.dataset, cell.replicate)
        made_from = fingerprint(code, random, ladder.draws, imputer, *cell.inputs())
        name = f"{cell.dataset}-{cell.mechanism}"
        job = Job(name, method, cell.replicate, random, measured_folder(method, cell), made_from)
        work.append((job, cell, imputer, ladder.draws))
    run_cells(impute, work, EVALUATED / method, f"impute {method}", "seconds")


main()
