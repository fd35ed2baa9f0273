"""Cells of which it's written between which ends they lie: `<0.5`, `≤ 0.5`, `>100`, `[2, 5]`."""

import math
import re
from collections.abc import Callable

import pandas as pd

_ONE_END = re.compile(r"(<=|>=|[<>≤≥⩽⩾])\s*(.+)")
_TWO_ENDS = re.compile(r"([\[(\]])\s*([^\[\]();]+?)\s*;\s*([^\[\]();]+?)\s*([\])\[])")
_LONGEST = 100
INTERVAL_MARKS = (*"<>≤≥⩽⩾[(]",)
"""What a text begins with that says between which ends a value lies."""


def plain_number(text: str) -> float | None:
    """Read a finite number as Python writes it; None where it's none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def read_interval(text: str, number: Callable[[str], float | None] = plain_number) -> pd.Interval | None:
    """Read between which ends a value lies; None where a text says nothing of the kind.

    A round bracket is an end that the value doesn't reach; so is the other square one, as in `]2, 5]`.

    Arguments:
        text: The text, without blanks around it.
        number: Function that reads a number, None where it's none.
    """
    if not text.startswith(INTERVAL_MARKS) or len(text) > _LONGEST:
        return None
    one = _ONE_END.fullmatch(text)
    if one:
        end = number(one[2])
        if end is None:
            return None
        below = one[1] in ("<", "<=", "≤", "⩽")
        span = (-math.inf, end) if below else (end, math.inf)
        return pd.Interval(*span, "neither" if one[1] in "<>" else "both")
    two = _TWO_ENDS.fullmatch(text if ";" in text else text.replace(",", ";", 1))
    if not two:
        return None
    lower, upper = number(two[2]), number(two[3])
    if lower is None or upper is None or lower > upper:
        return None
    if two[1] == "[":
        return pd.Interval(lower, upper, "both" if two[4] == "]" else "left")
    return pd.Interval(lower, upper, "right" if two[4] == "]" else "neither")


def write_interval(interval: pd.Interval, decimal: str = ".") -> str:
    """Write an interval as `read_interval` reads it.

    Arguments:
        interval: Interval with an end at least.
        decimal: Decimal mark.
    """
    lower, upper = (f"{end:.15g}".replace(".", decimal) for end in (interval.left, interval.right))
    if math.isinf(interval.left):
        return ("≤" if interval.closed_right else "<") + upper
    if math.isinf(interval.right):
        return ("≥" if interval.closed_left else ">") + lower
    opened, closed = "[" if interval.closed_left else "(", "]" if interval.closed_right else ")"
    return f"{opened}{lower}{',' if decimal == '.' else ';'}{upper}{closed}"


def ends_of(interval: pd.Interval) -> tuple[float, float]:
    """Return the least and the greatest number in an interval."""
    lower, upper = float(interval.left), float(interval.right)
    if not interval.closed_left:
        lower = math.nextafter(lower, math.inf) if math.isfinite(lower) else lower
    if not interval.closed_right:
        upper = math.nextafter(upper, -math.inf) if math.isfinite(upper) else upper
    return lower, upper
