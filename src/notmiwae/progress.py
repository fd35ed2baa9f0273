"""How far a long computation is: the report of a step, and a bar that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[int, int, float], None]
"""`report(step, steps, figure)`: how far a job is, and its figure of interest."""


COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[figure]}"),
    TimeRemainingColumn(),
)


@contextmanager
def progress_bar(title: str, shown: bool) -> Iterator[Report]:
    """A `Report` that draws a progress bar on the error stream; `silent` where not `shown`."""
    if not shown:
        yield silent
        return
    with Progress(*COLUMNS, console=Console(stderr=True)) as progress:
        bar = progress.add_task(title, total=None, figure="")

        def report(step: int, steps: int, figure: float) -> None:
            progress.update(bar, completed=step, total=steps, figure=f"{figure:.3f}")

        yield report


def silent(step: int, steps: int, figure: float) -> None:
    """A `Report` that reports to nobody."""
