"""Clone a repository, to run a pipeline in it from nothing."""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notmiwae.errors import DataError
from study.reproduction.dvc_locks import read_locks

PIPELINE = "dvc.yaml"
"""Name of a folder's pipeline."""


class Checkout:
    """A folder with the repository's files, in which DVC runs.

    Arguments:
        folder: Root of the repository's files.
        pipelines: Folder in it that is a DVC repository of its own; by default its root, which is one.
    """

    def __init__(self, folder: Path, pipelines: str = ".") -> None:
        self.folder = folder
        self._repository = folder / pipelines
        # Stages run this folder's code, whichever is installed, by the Python that runs this.
        tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        self._environment = os.environ | {"PATH": tools, "PYTHONPATH": str(folder / "src")}

    def repro(self, *targets: str) -> None:
        """Run a pipeline, or stages and all before them, whatever is there already.

        Raises:
            DataError: DVC or a stage failed; their own messages stand above.
        """
        command = ["repro", "--force", "--no-run-cache", *targets]
        if self._dvc(*command).returncode:
            raise DataError(f"`dvc {' '.join(command)}` failed; its own message stands above")

    def stale(self) -> dict[str, list[str]]:
        """List what the results were made from that has changed since, by pipeline of the DVC repository.

        That outputs aren't there is no change: a clone has none. So of what one stage makes and another
        depends on, the digests in the locks are compared.
        """
        inner = repositories(self._repository)[1:]
        locks = sorted(self._repository.rglob("dvc.lock"))
        own = (lock for lock in locks if lock.relative_to(self._repository).parts[0] not in inner)
        locked = read_locks(own)
        outs = {(item.place, item.digest) for item in locked if item.made}
        places = {place for place, _ in outs}
        lines: dict[str, list[str]] = defaultdict(list)
        for name, changes in json.loads(self.read("status", "--json")).items():
            pipeline, _, stage = name.rpartition(":")
            for change in changes:
                lines[pipeline or PIPELINE] += [f"{stage}: {line}" for line in self._changes(change, places)]
        for item in locked:
            if not item.made and item.place in places and (item.place, item.digest) not in outs:
                pipeline = item.lock.with_suffix(".yaml").relative_to(self._repository).as_posix()
                path = os.path.relpath(item.place, self._repository)
                lines[pipeline].append(f"{item.stage}: {path} isn't what its stage made")
        return {pipeline: changes for pipeline, changes in lines.items() if changes}

    def _changes(self, change: Any, outs: Collection[Path]) -> Iterator[str]:
        """Yield `src/study/run is modified` and the like, of one entry of DVC's status."""
        if not isinstance(change, Mapping):
            yield f"{change}"
            return
        for what, paths in change.items():
            for path, state in paths.items() if isinstance(paths, Mapping) else [(what, str(paths))]:
                if isinstance(state, Mapping):
                    yield from (f"{path}: {dial} is {how}" for dial, how in state.items())
                    continue
                place = Path(os.path.normpath(self._repository / path))
                made_here = any(place.is_relative_to(out) or out.is_relative_to(place) for out in outs)
                absent = "deleted" if what == "changed deps" and made_here else "not in cache"
                if state != absent:
                    yield f"{path} is {state}"

    def read(self, *arguments: str) -> str:
        """Return what a command of DVC's prints.

        Raises:
            DataError: it failed.
        """
        ended = self._dvc(*arguments, capture_output=True)
        if ended.returncode:
            raise DataError(f"`dvc {' '.join(arguments)}` failed: {ended.stderr.strip()}")
        return ended.stdout

    def _dvc(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(
            command, cwd=self._repository, env=self._environment, text=True, check=False, **options
        )


def repositories(folder: Path) -> list[str]:
    """List the folders with a DVC repository of their own, the root first, as seen from `folder`."""
    return [".", *sorted(config.parents[1].name for config in folder.glob("*/.dvc/config"))]


@contextmanager
def checkout(repository: Path) -> Iterator[Checkout]:
    """Clone the repository's commit into a temporary folder, which goes when the block ends.

    Raises:
        DataError: git can't clone it.
    """
    with tempfile.TemporaryDirectory(prefix="notmiwae-check-") as folder:
        clone = Path(folder) / "clone"
        command = ["git", "clone", "--quiet", str(repository), str(clone)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise DataError(f"{repository}: can't be cloned: {ended.stderr.strip()}")
        yield Checkout(clone)
