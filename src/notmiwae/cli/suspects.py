"""Values that may not be what they seem: identifiers, and numbers that stand for a missing value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_IDENTIFIER = 0.9
_FEW = 20
_SENTINEL = re.compile(r"-?9{2,}|-9|-1")
"""Numbers that people write where there is none."""
_FAR = 3.0
"""Ranges of the middle half beyond which a value is far from all others."""
_REPEATED = 3


def is_identifier(column: pd.Series) -> bool:
    """Tell whether nearly every value is another text, or whole numbers are counted up."""
    if column.dtype == "category":
        different, values = column.nunique(), int(column.notna().sum())
        return different > _FEW and different > _IDENTIFIER * values
    if column.dtype.kind not in "iu" or len(column) <= _FEW or column.isna().any():
        return False
    return bool(column.is_unique and column.max() - column.min() == len(column) - 1)


def sentinel(column: pd.Series) -> tuple[int, int] | None:
    """Find a number such as −999 that stands again and again, apart from all others; return how often, too.

    It's the only negative one, or far away. None if there is none.
    """
    if column.dtype.kind not in "iuf":
        return None
    values = column.dropna().to_numpy(dtype=np.float64)
    for extreme in {values.min(), values.max()} if len(values) else ():
        others = values[values != extreme]
        count = len(values) - len(others)
        if count < _REPEATED or len(others) < _FEW or not _SENTINEL.fullmatch(f"{extreme:.0f}"):
            continue
        low, high = np.quantile(others, [0.25, 0.75])
        beyond = max(others.min() - extreme, extreme - others.max())
        negative = extreme < 0 <= others.min()
        if extreme == round(extreme) and (negative or beyond > _FAR * (high - low)):
            return int(extreme), count
    return None
