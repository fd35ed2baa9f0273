"""The independent jobs of a stage: each is done once."""

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
    """A piece of work of a stage that can be done on its own: a cell, a replicate of one, or a member of it.

    Attributes:
        dataset: Name of the cell's data set.
        method: Name of the cell's method.
        replicate: Number of the replicate; 0 where the job is the whole cell.
        seed: Seed of everything random in the job; 0 where nothing is.
        output: File or folder that the job makes.
        fingerprint: Digest of what the output is made from; see `resume.fingerprint`.
    """

    dataset: str
    method: str
    replicate: int
    seed: int
    output: Path
    fingerprint: str


def together(jobs: Sequence[Job], size: int) -> list[list[Job]]:
    """Group jobs that are computed as one, at most `size` of them; each is made from its neighbours too.

    The last digits of what a model learns depend on the models beside it.
    """
    groups = []
    for chunk in chunks(jobs, size):
        seeds = [job.seed for job in chunk]
        groups.append([replace(job, fingerprint=fingerprint(job.fingerprint, *seeds)) for job in chunk])
    return groups


def checkpoints(jobs: Sequence[Job]) -> Path:
    """Give a folder for the state of jobs that are done together; `run_cells` removes it then.

    It's theirs alone: replicates of a side study are made from the same, and told apart by what they make.
    """
    own = [part for job in jobs for part in (job.fingerprint, job.output.as_posix())]
    return CHECKPOINTS / fingerprint(*own)[:32]


def run_cells(
    function: Callable[..., float | None],
    work: Sequence[tuple[Any, ...]],
    folder: Path,
    title: str,
    metric: str | None = None,
) -> None:
    """Run the jobs of a stage whose outputs aren't there already.

    Arguments:
        function: Called as `function(job, *more, report)`; makes `job.output` and returns its seconds if they
            are recorded. Where jobs are done together, it's called with them all and returns the seconds of
            one.
        work: `(job, *more)` of each call, or `((job, …), *more)`.
        folder: Folder that the stage writes: the jobs' outputs and nothing else, so anything else is removed.
        title: Name of the jobs, shown while they run.
        metric: Name of the seconds in `reports/timings.csv`; None records none.
    """
    _remove_all_but({job.output for jobs, *_ in work for job in _jobs(jobs)}, folder)
    left = [
        (jobs, *more)
        for jobs, *more in work
        if not all(is_current(job.output, job.fingerprint) for job in _jobs(jobs))
    ]
    if len(left) < len(work):
        print(f"{title}: {len(work) - len(left)} of {len(work)} jobs are done already", file=sys.stderr)
    if not left:
        return
    seconds: list[Any] = run_jobs(_run_cell, [(function, *call) for call in left], compute(), title)
    if metric is None:
        return
    by_cell: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (jobs, *_), taken in zip(left, seconds, strict=True):
        for job in _jobs(jobs):
            by_cell[job.dataset, job.method].append(taken)
    for (dataset, method), all_taken in by_cell.items():
        record_seconds(REPORTS / "timings.csv", dataset, method, metric, all_taken)


def _run_cell(function: Callable[..., float | None], jobs: Job | Sequence[Job], *more: Any) -> float | None:
    seconds = function(jobs, *more)
    for job in _jobs(jobs):
        note(job.output, job.fingerprint)
    remove(checkpoints(_jobs(jobs)))
    return seconds


def _jobs(jobs: Job | Sequence[Job]) -> Sequence[Job]:
    return [jobs] if isinstance(jobs, Job) else jobs


def _remove_all_but(outputs: set[Path], folder: Path) -> None:
    """Remove what another grid, or a run that was killed, left in a stage's folder."""
    on_the_way = {parent for output in outputs for parent in output.parents}
    for path in sorted(folder.rglob("*")):
        in_no_output = outputs.isdisjoint(path.parents)
        if in_no_output and path not in outputs and path not in on_the_way:
            remove(path)
