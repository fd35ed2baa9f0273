"""Draw random numbers from one `SeedSequence`, with a generator of its own for every purpose."""

import zlib

import numpy as np


def seed_sequence(seed: int, *purpose: str | int) -> np.random.SeedSequence:
    """Spawn the sub-sequence of `seed` that belongs to a purpose, such as `("mask", "gaussian", 3)`.

    The purpose is a path of names and numbers, so that adding a data set or a replicate changes no other's
    numbers. A name enters as its CRC-32, which, unlike `hash`, is the same in every process.
    """
    key = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in purpose]
    return np.random.SeedSequence(seed, spawn_key=tuple(key))


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return NumPy's generator for a purpose, from its `seed_sequence`."""
    return np.random.default_rng(seed_sequence(seed, *purpose))


def torch_seed(seed: int, *purpose: str | int) -> int:
    """Return a 63-bit seed for a `torch.Generator` of a purpose, from its `seed_sequence`."""
    return int(seed_sequence(seed, *purpose).generate_state(1, np.uint64)[0] >> 1)
