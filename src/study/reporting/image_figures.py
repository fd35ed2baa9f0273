"""Images with missing pixels, and what the methods make of them."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from notmiwae.arrays import Floats, Mask
from notmiwae.errors import DataError
from notmiwae.mechanisms.mechanism import Mechanism
from notmiwae.mechanisms.regions import DiscThreshold
from notmiwae.plot_style import BLUE, LIGHT, ORANGE, PAGE, figure, styled

_LABEL_WIDTH = 0.85
"""Room for the rows' labels, inches."""
_LABEL, _TITLE = 13, 20
"""Characters in a line of a row's label, and of a map's title."""
_MAPS = 4
"""Maps side by side."""
_FEW = 0.01
"""Share of the images below which a pixel has no error to speak of."""


def first_of_each(labels: npt.NDArray[np.integer]) -> list[int]:
    """Find the row of the first image of each label, in the labels' order."""
    return list(map(int, np.unique(labels, return_index=True)[1]))


@styled
def imputations(rows: Sequence[tuple[str, Floats]], mechanism: Mechanism) -> Figure:
    """Show a grid of images: a row for each of `rows`, the same images below each other.

    Arguments:
        rows: Label and images `[B, D]` of each row, in [−1, 1], NaN where a pixel is missing.
        mechanism: The mechanism; if it masks a disc, the disc's outline is drawn.

    Raises:
        DataError: the images aren't square.
    """
    count, pixels = rows[0][1].shape
    side = _side(pixels)
    colours = matplotlib.colormaps["gray_r"].with_extremes(bad=ORANGE)
    drawn = figure(height=(PAGE - _LABEL_WIDTH) / count * len(rows), layout=None)
    # Exact places: the images stay square and touch their neighbours but for a hair.
    edges = {"left": _LABEL_WIDTH / PAGE, "right": 0.998, "bottom": 0.002, "top": 0.998}
    grid = drawn.subplots(
        len(rows), count, squeeze=False, gridspec_kw=edges | {"wspace": 0.06, "hspace": 0.06}
    )
    for line, (text, images) in zip(grid, rows, strict=True):
        label = text if "\n" in text else fill(text, _LABEL, break_on_hyphens=False)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=6, fontsize=8)
        for axes, image in zip(line, images, strict=True):
            axes.imshow(image.reshape(side, side), cmap=colours, vmin=-1, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if isinstance(mechanism, DiscThreshold):
                # Half a pixel more, around the pixels whose middles are in the disc.
                centre, radius = mechanism.centre[::-1], mechanism.radius + 0.5
                axes.add_patch(Circle(centre, radius, fill=False, ec=BLUE, lw=0.6, alpha=0.7))
    return drawn


@styled
def error_maps(means: Mapping[str, Floats], truth: Floats, missing: Mask) -> Figure:
    """Map the RMSE of each pixel where it's missing, method by method; grey where that's in few images.

    Arguments:
        means: Completed images `[N, D]` by the method's name.
        truth: Complete images, `[N, D]`.
        missing: True where a pixel was missing, `[N, D]`.

    Raises:
        DataError: the images aren't square.
    """
    side = _side(truth.shape[1])
    count = missing.sum(axis=0)
    often = count >= max(1, _FEW * len(truth))
    maps = {}
    for name, mean in means.items():
        squared = np.where(missing, np.square(mean - truth), 0.0)
        by_pixel = np.sqrt(squared.sum(axis=0) / np.where(often, count, np.nan))
        maps[name] = by_pixel.reshape(side, side), math.sqrt(squared.sum() / count.sum())
    lines = math.ceil(len(maps) / _MAPS)
    drawn = figure(height=1.75 * lines, layout="compressed")
    grid = drawn.subplots(lines, _MAPS, squeeze=False)
    highest = max(float(np.nanmax(pixels)) for pixels, _ in maps.values())
    colours = matplotlib.colormaps["YlGnBu"].with_extremes(bad=LIGHT)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (name, (pixels, overall)) in zip(grid.flat, maps.items(), strict=False):
        image = axes.imshow(pixels, cmap=colours, vmin=0, vmax=highest, interpolation="nearest")
        axes.set_title(f"{fill(name, _TITLE, break_on_hyphens=False)}\n{overall:.3f}", fontsize=8)
    bar = drawn.colorbar(image, ax=grid, aspect=25, pad=0.02)
    bar.set_label("RMSE of the pixel where missing")
    return drawn


def _side(pixels: int) -> int:
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise DataError(f"images of {pixels} pixels aren't square")
    return side
