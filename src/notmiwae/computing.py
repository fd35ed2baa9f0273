"""Find what computes: the cores of the processor, or a GPU where there is one."""

import os
from collections.abc import Sequence
from typing import TypeVar

from notmiwae.errors import ParameterError

T = TypeVar("T")


def resolve(device: str) -> str:
    """Return the device that a user names; `auto` is a GPU if there is one that PyTorch can use, else `cpu`.

    Raises:
        ParameterError: it's no device that PyTorch knows, or isn't there.
    """
    if device == "cpu":
        return device
    import torch  # takes a second, which what only counts cores needn't wait for

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        found = torch.device("meta")
    if found.type not in ("cpu", "cuda"):
        raise ParameterError(f"device: found {device!r}; accepted: auto, cpu, cuda, cuda:1, …")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ParameterError(
            f"device: found {device!r}; PyTorch sees {torch.cuda.device_count()} GPU(s) here"
        )
    return device


def cores() -> int:
    """Return how many cores this process may use; macOS and Windows say only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut `items` into pieces of `size`, and what remains."""
    return [items[first : first + size] for first in range(0, len(items), size)]
