"""Curves of jobs while they run, for tools that draw them: DVCLive, or Weights & Biases."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from notmiwae.errors import ParameterError

Log = Literal["dvclive", "wandb"]
FOLDER = Path("dvclive")
"""Where DVCLive's curves are: each stage's in a folder of its own, with the dvc.yaml that shows them."""


class Sink(Protocol):
    """What takes curves."""

    def log(self, job: int, step: int, figure: float) -> None:
        """Log a job's value of interest at a step."""


@contextmanager
def sink(kind: Log | None, title: str) -> Iterator[Sink | None]:
    """Open the sink of the kind that a user asked for while the block runs.

    Arguments:
        kind: None for none.
        title: Name of the jobs.

    Raises:
        ParameterError: its package isn't installed.
    """
    if kind is None:
        yield None
        return
    try:
        opened = _dvclive(title) if kind == "dvclive" else _wandb(title)
    except ImportError:
        raise ParameterError(f"compute: log {kind}: not installed; `pip install {kind}`") from None
    try:
        yield opened
    finally:
        opened.close()


class _DVCLive:
    def __init__(self, live: Any) -> None:
        self._live = live

    def log(self, job: int, step: int, figure: float) -> None:
        self._live.step = step
        self._live.log_metric(f"bound/{job}", figure)

    def close(self) -> None:
        self._live.end()


def _dvclive(title: str) -> _DVCLive:
    from dvclive.live import Live

    folder = FOLDER / re.sub(r"\W+", "-", title)
    # Its own dvc.yaml, not the pipeline's; no experiment and no report, which would be made anew each time.
    return _DVCLive(Live(str(folder), save_dvc_exp=False, dvcyaml=str(folder / "dvc.yaml"), report=None))


class _WeightsAndBiases:
    def __init__(self, run: Any) -> None:
        self._run = run
        self._jobs: set[int] = set()

    def log(self, job: int, step: int, figure: float) -> None:
        if job not in self._jobs:
            self._jobs.add(job)
            # Jobs run side by side: each has steps of its own.
            self._run.define_metric(f"{job}/bound", step_metric=f"{job}/step")
        self._run.log({f"{job}/step": step, f"{job}/bound": figure})

    def close(self) -> None:
        self._run.finish()


def _wandb(title: str) -> _WeightsAndBiases:
    import wandb

    return _WeightsAndBiases(wandb.init(project="notmiwae", name=title))
