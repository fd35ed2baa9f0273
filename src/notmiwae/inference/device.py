"""What computes: the processor, or a GPU where there is one."""

from __future__ import annotations

import torch

from notmiwae.errors import ParameterError


def resolve(device: str) -> str:
    """The device that a user names; `auto` is a GPU if there is one that PyTorch can use, else `cpu`.

    Raises:
        ParameterError: it's none, or isn't there.
    """
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
