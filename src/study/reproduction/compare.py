"""Compare two folders of reports: say what differs between them."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.image import imread
from pydantic import NonNegativeFloat

from notmiwae.errors import DataError
from notmiwae.specs import Spec

TIMINGS = "timings.csv"
"""Seconds, which differ between any two runs; git has none."""
ENVIRONMENT = "environment.json"
_IDENTITY = ("dataset", "method", "metric")
_SETTING = "setting"
"""A fourth column that tells values apart, where there is one."""


class Tolerance(Spec):
    """The section `reproduction`: `|new − old| ≤ absolute + relative · |old|` for every value.

    Attributes:
        relative: Share of the committed value.
        absolute: Difference in the value's own units.
        pixels: Mean absolute difference of a picture's pixels, of 1.
    """

    relative: NonNegativeFloat
    absolute: NonNegativeFloat
    pixels: NonNegativeFloat

    def admits(self, old: float, new: float) -> bool:
        """Return whether `new` may stand for `old`."""
        return abs(new - old) <= self.absolute + self.relative * abs(old)


def compare(before: Path, after: Path, tolerance: Tolerance | None) -> list[str]:
    """List what differs between two report folders, a line each.

    Arguments:
        before: Folder as committed.
        after: Folder as recomputed.
        tolerance: Differences that are allowed; None asks for the same bytes.

    Raises:
        DataError: a file can't be read as what its name says.
    """
    old, new = (
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name != TIMINGS}
        for folder in (before, after)
    )
    complaints = [f"{name}: was not made again" for name in sorted(old - new)]
    complaints += [f"{name}: is new; commit it" for name in sorted(new - old)]
    for name in sorted(old & new):
        files = before / name, after / name
        if name.name == ENVIRONMENT or files[0].read_bytes() == files[1].read_bytes():
            continue
        if tolerance is None:
            lines = [*_differences(*files, Tolerance(relative=0, absolute=0, pixels=0))] or [
                "its bytes differ"
            ]
        elif name.suffix == ".png":
            lines = [*_picture_difference(*files, tolerance)]
        else:
            lines = [*_differences(*files, tolerance)]
        complaints += [f"{name}: {line}" for line in lines]
    return complaints


def _differences(before: Path, after: Path, tolerance: Tolerance) -> Iterator[str]:
    """Yield the values of two tables or metrics files that are further apart than they may be."""
    old, new = _values(before), _values(after)
    for key in sorted(old.keys() ^ new.keys()):
        yield f"{key}: {'missing now' if key in old else 'new'}"
    for key in old.keys() & new.keys():
        if not tolerance.admits(old[key], new[key]):
            yield f"{key}: was {old[key]:g}, is {new[key]:g}"


def _values(path: Path) -> dict[str, float]:
    """Read the values of a metrics file (JSON) or a results table (CSV) by name; none of other files."""
    try:
        if path.suffix == ".json":
            return {str(name): float(value) for name, value in json.loads(path.read_text()).items()}
        if path.suffix == ".csv":
            with path.open(newline="") as lines:
                rows = list(csv.DictReader(lines))
            if rows and {*_IDENTITY, "mean"} <= rows[0].keys():
                names = [name for name in rows[0] if name in (*_IDENTITY, _SETTING)]
                return {" ".join(row[name] for name in names): float(row["mean"] or 0) for row in rows}
    except (ValueError, AttributeError) as error:
        raise DataError(f"{path.name}: can't be read: {error}") from None
    return {}


def _picture_difference(before: Path, after: Path, tolerance: Tolerance) -> Iterator[str]:
    old, new = imread(before), imread(after)
    difference = float(np.abs(old - new).mean()) if old.shape == new.shape else 1.0
    if difference > tolerance.pixels:
        yield f"pixels differ by {difference:.3g} on average"
