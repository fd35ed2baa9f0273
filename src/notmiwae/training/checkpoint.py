"""A training under way, on disk: one that was killed goes on where it was, to the same bits."""

import json
import time
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from notmiwae.files import whole_file

EVERY = 15.0
"""Seconds between two checkpoints: writing one takes some milliseconds."""
_PLAIN = "plain"


class Checkpoint:
    """A file with the state of a training, written now and then.

    Arguments:
        path: File of the state; None keeps nothing.
        every: Least number of seconds between two checkpoints.
    """

    def __init__(self, path: Path | None, every: float = EVERY) -> None:
        self._path = path
        self._every = every
        self._written = time.monotonic()

    def due(self) -> bool:
        """Tell whether it's time for the next checkpoint."""
        return self._path is not None and time.monotonic() - self._written >= self._every

    def write(self, tensors: dict[str, Tensor], plain: dict[str, Any]) -> None:
        """Put a state in place of the one before: its tensors, and what JSON can hold."""
        if self._path is None:
            return
        with whole_file(self._path) as temporary:
            copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
            save_file(copies, temporary, {_PLAIN: json.dumps(plain)})
        self._written = time.monotonic()

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Read the state as `write` was given it; None if there is none, or it isn't whole."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            with safe_open(self._path, framework="pt") as file:
                plain = json.loads(file.metadata()[_PLAIN])
                names = list(file.keys())
                return {name: file.get_tensor(name) for name in names}, plain
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return None
