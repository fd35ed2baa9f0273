"""Say how far a long computation is: the report of a step, and a bar that shows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[int, int, float], None]
"""`report(step, steps, value)`: how far a job is, and the value that it's watched by, such as the bound."""

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[value]}"),
    TimeRemainingColumn(),
)


@contextmanager
def progress_bar(title: str, shown: bool) -> Iterator[Report]:
    """Give a `Report` that draws a progress bar on the error stream; `silent` unless `shown`."""
    if not shown:
        yield silent
        return
    with Progress(*COLUMNS, console=Console(stderr=True)) as progress:
        bar = progress.add_task(title, total=None, value="")

        def report(step: int, steps: int, value: float) -> None:
            progress.update(bar, completed=step, total=steps, value=f"{value:.3f}")

        yield report


def silent(step: int, steps: int, value: float) -> None:
    """Report to nobody."""
