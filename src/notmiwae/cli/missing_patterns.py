"""Patterns of missing cells: the rows that lack the same columns, and a figure of them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.arrays import Mask
from notmiwae.cli.table_output import write_all

_NAMED = 60
"""Columns up to which the figure has room for their names."""


def grouped(missing: Mask) -> tuple[Mask, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the patterns `[P, D]`, the commonest first, the place of each row's, and each one's rows."""
    # Packed: sorting rows of 10,000 truth values takes long.
    packed = np.packbits(missing, axis=1)
    _, first, inverse, counts = np.unique(
        packed, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    place = np.argsort(order)[inverse.ravel()]
    return missing[first[order]], place, counts[order]


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Draw the rows grouped by pattern, the commonest on top; missing cells are dark."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    from notmiwae.plot_style import BLUE

    missing = frame.isna().to_numpy()
    _, place, _ = grouped(missing)
    order = np.argsort(place, kind="stable")
    width = min(14.0, max(3.0, 1.4 + 0.32 * missing.shape[1]))
    figure = Figure(figsize=(width, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(
        missing[order],
        aspect="auto",
        interpolation="nearest",
        cmap=ListedColormap(["#E4E4E4", BLUE]),
        vmin=0,
        vmax=1,
    )
    if missing.shape[1] <= _NAMED:
        axes.set_xticks(range(missing.shape[1]), list(map(str, frame)), rotation=60, ha="right", fontsize=7)
    axes.set_ylabel("rows, grouped by what is missing", fontsize=8)
    axes.set_title("missing cells are blue", fontsize=8)
    axes.tick_params(labelsize=7)
    write_all({path: lambda temporary: figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=150)})
