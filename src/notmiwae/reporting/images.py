"""Images with missing pixels, and what the methods make of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from notmiwae.data.mechanisms import DiscThreshold, Mechanism
from notmiwae.errors import DataError
from notmiwae.reporting.style import BLUE, ORANGE, PAGE, figure, styled

Floats = npt.NDArray[np.float64]


def first_of_each(labels: npt.NDArray[np.integer]) -> list[int]:
    """Row of the first image of each label, in the labels' order."""
    _, first = np.unique(labels, return_index=True)
    return [int(row) for row in first]


def read_labels(file: Path, images: int) -> npt.NDArray[np.integer]:
    """The labels of the first images of an `.npz` archive.

    Raises:
        DataError: the file can't be read or holds no labels for so many images.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            labels: npt.NDArray[np.integer] = archive["labels"]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{file}: no labels to be read: {error}") from None
    if len(labels) < images:
        raise DataError(f"{file}: holds {len(labels)} labels for {images} images")
    return labels[:images]


@styled
def imputations(rows: Sequence[tuple[str, Floats]], mechanism: Mechanism) -> Figure:
    """A grid of images: a row for each of `rows`, the same images below each other.

    Arguments:
        rows: What a row shows, and its n images `[n, D]` in [−1, 1], NaN where a pixel is missing.
        mechanism: If it masks a disc, the disc's outline is drawn.

    Raises:
        DataError: the images aren't square.
    """
    count, pixels = rows[0][1].shape
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise DataError(f"images of {pixels} pixels aren't square")
    colours = matplotlib.colormaps["gray_r"].with_extremes(bad=ORANGE)
    label_width = 0.85
    tile = (PAGE - label_width) / count
    drawn = figure(height=tile * len(rows), layout=None)
    # Exact places: the images stay square and touch their neighbours but for a hair.
    grid = drawn.subplots(len(rows), count, squeeze=False)
    drawn.subplots_adjust(
        left=label_width / PAGE, right=0.998, bottom=0.002, top=0.998, wspace=0.06, hspace=0.06
    )
    for line, (text, images) in zip(grid, rows, strict=True):
        line[0].set_ylabel(text, rotation=0, ha="right", va="center", labelpad=6)
        for axes, image in zip(line, images, strict=True):
            axes.imshow(image.reshape(side, side), cmap=colours, vmin=-1, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if isinstance(mechanism, DiscThreshold):
                # Half a pixel more, around the pixels whose middles are in the disc.
                row, column = mechanism.centre
                outline = Circle(
                    (column, row), mechanism.radius + 0.5, fill=False, ec=BLUE, lw=0.6, alpha=0.7
                )
                axes.add_patch(outline)
    return drawn
