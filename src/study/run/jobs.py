"""The cells of the experiment's grid: a stage's independent jobs, each done once."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from notmiwae.computing import chunks
from notmiwae.files import remove
from study.run.parallel import run_jobs
from study.run.pipeline import REPORTS, compute
from study.run.resume import fingerprint, is_current, note
from study.run.timings import record_seconds

CHECKPOINTS = Path("build/checkpoints")
"""No stage's output: DVC removes those when it starts one."""


@dataclass(frozen=True)
class Job:
    """A piece of work of a stage that can be done on its own: a replicate of a cell, or one member of it.

    Attributes:
        dataset: The cell's data set.
        method: The cell's method.
        replicate: Number of the replicate.
        seed: Of everything random in it.
        output: The file or folder that it makes.
        fingerprint: What it is made from; see `resume.fingerprint`.
    """

    dataset: str
    method: str
    replicate: int
    seed: int
    output: Path
    fingerprint: str


def together(jobs: Sequence[Job], size: int) -> list[list[Job]]:
    """Jobs that are computed as one, at most `size` of them: each is made from what it is computed with too.

    The last digits of what a model learns depend on the models beside it.
    """
    groups = []
    for chunk in chunks(jobs, size):
        seeds = [job.seed for job in chunk]
        groups.append([replace(job, fingerprint=fingerprint(job.fingerprint, *seeds)) for job in chunk])
    return groups


def checkpoints(jobs: Sequence[Job]) -> Path:
    """A folder for the state of jobs that are done together, while they run; `run_cells` removes it then.

    It's theirs alone: replicates of a study are made from the same, and told apart by what they make.
    """
    own = [part for job in jobs for part in (job.fingerprint, job.output.as_posix())]
    return CHECKPOINTS / fingerprint(*own)[:32]


def run_cells(
    function: Callable[..., float], work: Sequence[tuple[Any, ...]], folder: Path, metric: str, title: str
) -> None:
    """Run the jobs of a stage whose outputs aren't there already, and record their seconds.

    Arguments:
        function: Called as `function(job, *more, report)`; makes `job.output` and returns its seconds. Where
            jobs are done together, it's called with them all and returns the seconds of one.
        work: `(job, *more)` of each, or `((job, …), *more)`.
        folder: What the stage writes: the jobs' outputs and nothing else, so anything else is removed.
        metric: What the seconds are called in `reports/timings.csv`.
        title: What is shown while the jobs run.
    """
    _sweep(folder, {job.output for first, *_ in work for job in _jobs(first)})
    left = [each for each in work if not all(is_current(j.output, j.fingerprint) for j in _jobs(each[0]))]
    if len(left) < len(work):
        print(f"{title}: {len(work) - len(left)} of {len(work)} jobs are done already", file=sys.stderr)
    if not left:
        return
    seconds = run_jobs(_run_cell, [(function, *each) for each in left], compute(), title)
    by_cell: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (first, *_), taken in zip(left, seconds, strict=True):
        for job in _jobs(first):
            by_cell[job.dataset, job.method].append(taken)
    for cell, all_taken in by_cell.items():
        record_seconds(REPORTS / "timings.csv", *cell, metric, all_taken)


def _run_cell(function: Callable[..., float], first: Job | Sequence[Job], *more: Any) -> float:
    seconds = function(first, *more)
    for job in _jobs(first):
        note(job.output, job.fingerprint)
    remove(checkpoints(_jobs(first)))
    return seconds


def _jobs(first: Job | Sequence[Job]) -> Sequence[Job]:
    return [first] if isinstance(first, Job) else first


def _sweep(folder: Path, outputs: set[Path]) -> None:
    """Remove what another grid, or a run that was killed, left in a stage's folder."""
    on_the_way = {parent for output in outputs for parent in output.parents}
    for path in sorted(folder.rglob("*")):
        below = outputs.isdisjoint(path.parents)
        if below and path not in outputs and path not in on_the_way:
            remove(path)
