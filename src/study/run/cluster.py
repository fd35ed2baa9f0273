"""Jobs on a Dask cluster: sent, watched, and their results brought back in order."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from notmiwae.errors import ParameterError, flat
from study.run.process_env import PINS
from study.run.resume import code_digest

R = TypeVar("R")

_SECONDS = 30
"""How long a scheduler has to answer."""


def run_on_cluster(
    function: Callable[..., R],
    jobs: Sequence[tuple[Any, ...]],
    address: str,
    done: Callable[[int], None],
) -> list[R]:
    """Run `function(*job)` for each job on the workers of a Dask cluster that shares this folder.

    A job whose worker dies is given to another one; what it makes is written whole or not at all, so nobody
    sees the half of it.

    Arguments:
        function: Function of a job; it's sent along, with what it refers to in the stage's script.
        jobs: Arguments of each call.
        address: Address of the scheduler, `tcp://host:8786`.
        done: Called with the number of jobs that have ended.

    Raises:
        ParameterError: Dask isn't installed, no scheduler answers, or a worker isn't pinned or has other
            code.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ParameterError("compute: backend dask: not installed; `pip install distributed`") from None
    try:
        client = Client(address, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"compute: address {address!r}: no Dask scheduler answers: {flat(error)}"
        ) from None
    try:
        here = str(Path.cwd())
        code = _all_code()
        futures = [client.submit(_in_folder, here, code, function, job, pure=False) for job in jobs]
        place = {future.key: number for number, future in enumerate(futures)}
        results: dict[int, R] = {}
        for future, result in as_completed(futures, loop=client.loop, with_results=True):
            results[place[future.key]] = result
            # Else it would be computed again if the worker that holds it died later.
            future.release()
            done(len(results))
    finally:
        # A scheduler that is slow to say goodbye must not hide a job's own error.
        with suppress(TimeoutError):
            client.close()
    return [results[number] for number in range(len(jobs))]


def _all_code() -> str:
    """Digest all code: a search runs on workers too."""
    return code_digest(apart=frozenset())


def _in_folder(folder: str, code: str, function: Callable[..., R], job: tuple[Any, ...]) -> R:
    """Runs on a worker: the job, in the project's folder."""
    other = [name for name, value in PINS.items() if os.environ.get(name) != value]
    if other:
        raise ParameterError(
            f"a Dask worker's {other[0]} isn't {PINS[other[0]]!r}, so its results would differ; accepted: "
            "workers started by `python -m study.run.worker ADDRESS`"
        )
    if _all_code() != code:
        raise ParameterError(
            f"a Dask worker runs other code or packages than {folder}; accepted: workers started anew with "
            f"this folder's, by `PYTHONPATH={folder}/src python -m study.run.worker ADDRESS`"
        )
    if not Path(folder).is_dir():
        raise ParameterError(f"{folder}: not there on a Dask worker; accepted: a folder that all share")
    os.chdir(folder)
    return function(*job)
