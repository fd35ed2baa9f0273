"""A method on all of the ladder's cells, each imputed and measured."""

import time
from pathlib import Path

from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from study.ladder.imputers import Imputer
from study.ladder.ladder_cells import Cell, cells
from study.ladder.measure import measured_folder, write_measured
from study.ladder.rungs import LadderSpec
from study.run.jobs import Job, run_cells
from study.run.pipeline import EVALUATED, section, seed
from study.run.resume import fingerprint


def impute_cells(method: str, imputer: Imputer, code: list[Path]) -> None:
    """Impute and measure the cells that a method fits, but for those that are done.

    Arguments:
        method: Name of the method.
        imputer: The method.
        code: Modules that it runs; cells that were made by others are done again.
    """
    ladder, runs = section(LadderSpec, "ladder"), fingerprint(*code)
    work = []
    for cell in cells(ladder):
        if not imputer.fits(cell):
            continue
        # Of all methods that are the same but for what they assume, the same.
        random = torch_seed(seed(), cell.mechanism, cell.dataset, cell.replicate)
        made_from = fingerprint(runs, random, ladder.draws, imputer, *cell.inputs())
        name = f"{cell.dataset}-{cell.mechanism}"
        job = Job(name, method, cell.replicate, random, measured_folder(method, cell), made_from)
        work.append((job, cell, imputer, ladder.draws))
    run_cells(_impute, work, EVALUATED / method, f"impute {method}", "seconds")


def _impute(job: Job, cell: Cell, imputer: Imputer, draws: int, report: Report) -> float:
    task = cell.task(job.seed, draws)
    started = time.perf_counter()
    completed = imputer.impute(task)
    seconds = time.perf_counter() - started
    write_measured(cell, task, completed, job.output)
    return seconds
