"""The cells of the experiment's grid: a stage's independent jobs, each done once."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notmiwae.evaluation.replicates import record_seconds
from notmiwae.files import remove
from notmiwae.parallel import run_jobs
from notmiwae.pipeline import REPORTS, compute
from notmiwae.resume import forget, is_current, note, note_path


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


def run_cells(
    function: Callable[..., float], work: Sequence[tuple[Any, ...]], folder: Path, metric: str, title: str
) -> None:
    """Run the jobs of a stage whose outputs aren't there already, and record their seconds.

    Arguments:
        function: Called as `function(job, *more, report)`; makes `job.output` and returns its seconds.
        work: `(job, *more)` of each.
        folder: What the stage writes: the jobs' outputs and nothing else, so anything else is removed.
        metric: What the seconds are called in `reports/timings.csv`.
        title: What is shown while the jobs run.
    """
    _sweep(folder, {job.output for job, *_ in work})
    left = [each for each in work if not is_current(each[0].output, each[0].fingerprint)]
    if len(left) < len(work):
        print(f"{title}: {len(work) - len(left)} of {len(work)} jobs are done already", file=sys.stderr)
    if not left:
        return
    seconds = run_jobs(_run_cell, [(function, *each) for each in left], compute(), title)
    by_cell: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (job, *_), taken in zip(left, seconds, strict=True):
        by_cell[job.dataset, job.method].append(taken)
    for cell, all_taken in by_cell.items():
        record_seconds(REPORTS / "timings.csv", *cell, metric, all_taken)


def _run_cell(function: Callable[..., float], job: Job, *more: Any) -> float:
    forget(job.output)
    seconds = function(job, *more)
    note(job.output, job.fingerprint)
    return seconds


def _sweep(folder: Path, outputs: set[Path]) -> None:
    """Remove what another grid, or a run that was killed, left in a stage's folder."""
    kept = outputs | {note_path(output) for output in outputs}
    on_the_way = {parent for output in outputs for parent in output.parents}
    for path in sorted(folder.rglob("*")):
        below = kept.isdisjoint(path.parents)
        if below and path not in kept and path not in on_the_way:
            remove(path)
