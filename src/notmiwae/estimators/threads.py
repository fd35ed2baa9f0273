"""How many threads torch may use while an imputer computes, and the caller's count again afterwards."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_inside = 0
_callers = 0
_forked = False


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Give torch `count` threads while the block runs, and the caller's number afterwards.

    Small networks are hardly faster on several threads, which mostly wait for each other at full load; a pool
    of threads that has been used doesn't survive a fork.

    Several of Python's threads may be in a block at the same time. Each has a number of its own, but a new
    one begins with what was set last, whoever set it: so what the first found is what all leave behind. None
    enters a block within another.

    A forked process computes on one thread whatever is asked for: the pool that it would wait for is its
    parent's.

    Arguments:
        count: Threads of the block.
    """
    global _inside, _callers
    with _lock:
        # Asked for even if it isn't needed: a thread's first look at its number would undo what was set.
        found = torch.get_num_threads()
        if not _inside:
            _callers = found
        torch.set_num_threads(1 if _forked else count)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            torch.set_num_threads(_callers)


def _begin_anew() -> None:
    """Forget, in a forked process, the threads of Python that were in a block: it doesn't have them."""
    global _lock, _inside, _forked
    _lock, _inside, _forked = threading.Lock(), 0, True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
