"""Which numbers are whole: one rule for the columns of files, DataFrames and arrays."""

import numpy as np

from notmiwae.arrays import Floats

_LARGEST = 2**53
"""Beyond it every float is whole."""


def all_whole(seen: Floats) -> bool:
    """Tell whether numbers, none of them NaN, are whole, and not merely by their size."""
    return bool(((seen == np.rint(seen)) & (np.abs(seen) <= _LARGEST)).all())
