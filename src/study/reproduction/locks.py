"""What `dvc.lock` says of a pipeline: what its stages were made from, and what they made."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Locked:
    """An output or a dependency of a stage, as a lock has it.

    Attributes:
        lock: The `dvc.lock` that names it.
        stage: The stage.
        made: Whether the stage makes it; otherwise it's made from it.
        path: Its path as written there, from the lock's folder.
        digest: The digest of its content.
    """

    lock: Path
    stage: str
    made: bool
    path: str
    digest: str

    @property
    def place(self) -> Path:
        """Where it lies."""
        return Path(os.path.normpath(self.lock.parent / self.path))


def read_locks(locks: Iterable[Path]) -> list[Locked]:
    """All outputs and dependencies that locks name."""
    found = []
    for lock in locks:
        stages = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages") or {}
        for stage, entry in stages.items():
            for what in ("deps", "outs"):
                for each in entry.get(what, []):
                    path, digest = str(each.get("path")), str(each.get("md5"))
                    found.append(Locked(lock, str(stage), what == "outs", path, digest))
    return found
