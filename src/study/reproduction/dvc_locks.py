"""Read `dvc.lock`: what the stages of a pipeline were made from, and what they made."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Locked:
    """An output or a dependency of a stage, as a lock has it.

    Attributes:
        lock: `dvc.lock` that names it.
        stage: Name of the stage.
        made: Whether the stage makes it; otherwise it's made from it.
        path: Path as written there, as seen from the lock's folder.
        digest: Digest of the content.
    """

    lock: Path
    stage: str
    made: bool
    path: str
    digest: str

    @property
    def place(self) -> Path:
        """Return the path of the file or folder."""
        return Path(os.path.normpath(self.lock.parent / self.path))


def read_locks(locks: Iterable[Path]) -> list[Locked]:
    """Read all outputs and dependencies that locks name."""
    return [
        Locked(lock, str(stage), kind == "outs", str(item.get("path")), str(item.get("md5")))
        for lock in locks
        for stage, entry in _stages(lock).items()
        for kind in ("deps", "outs")
        for item in entry.get(kind, [])
    ]


def _stages(lock: Path) -> Mapping[str, Any]:
    return (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages") or {}
