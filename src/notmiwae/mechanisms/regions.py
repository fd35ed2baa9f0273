"""Mechanisms with a region: a sector of the plane, a disc of an image (MNAR), a random block of it."""

from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, FiniteFloat, PositiveInt, model_validator
from typing_extensions import override

from notmiwae.arrays import Floats, Mask
from notmiwae.errors import DataError
from notmiwae.mechanisms.mechanism import Mechanism, Names, mechanisms, require_distinct


@mechanisms.register("angular_sector")
class AngularSector(Mechanism):
    r"""Missing where a point's angle $\mathrm{atan2}(x_b, x_a)$ is in a closed sector.

    The sector runs counter-clockwise from $\pi \cdot$ `start_pi` to $\pi \cdot$ `stop_pi` radians, and may
    cross $\pi$, where atan2 jumps. The origin has angle 0. The poster's ring is `[0.25, 0.75]`.

    Attributes:
        columns: Names of the columns that go missing; they have to be given here.
        axes: Names $(a, b)$ of the columns that are the plane's two axes.
        start_pi: Angle at which the sector starts, as a multiple of π.
        stop_pi: Angle at which the sector stops, as a multiple of π; less than a full turn after the start.
    """

    columns: Names
    axes: tuple[str, str]
    start_pi: float = Field(ge=-2, le=2)
    stop_pi: float = Field(ge=-2, le=2)

    @model_validator(mode="after")
    def _is_a_sector(self) -> Self:
        require_distinct("axes", self.axes)
        if not 0 < self.stop_pi - self.start_pi < 2:
            raise ValueError(
                f"stop_pi must exceed start_pi by less than 2, found {self.start_pi:g} to {self.stop_pi:g}"
            )
        return self

    @property
    @override
    def rowwise(self) -> bool:
        return True

    @override
    def drivers(self) -> tuple[str, ...]:
        return self.axes

    @override
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        first, second = (table[name].to_numpy() for name in self.axes)
        # In multiples of π, so that the usual limits (quarters) are exact and the interval is closed.
        turned = (np.arctan2(second, first) / np.pi - self.start_pi) % 2
        inside = turned <= self.stop_pi - self.start_pi
        return np.repeat(inside[:, None], len(targets), axis=1)


class ImageMechanism(Mechanism):
    """A mechanism of images, of which the table's `columns` are the pixels, row by row.

    Attributes:
        height: Rows of the image.
        width: Columns of the image.
    """

    height: PositiveInt
    width: PositiveInt

    @property
    @override
    def rowwise(self) -> bool:
        return True

    def _require_image(self, targets: list[str]) -> None:
        if len(targets) != self.height * self.width:
            raise DataError(
                f"{self.label}: {len(targets)} columns, expected the {self.height * self.width} pixels of a "
                f"{self.height} x {self.width} image"
            )


@mechanisms.register("disc_threshold")
class DiscThreshold(ImageMechanism):
    r"""Images' pixels missing inside a disc where they're far from 0 (the poster's MNIST).

    Missing where $(i - i_0)^2 + (j - j_0)^2 \le r^2$ and $|x_{ij}| > $ `threshold`; rows and columns of the
    image count from 0.

    Attributes:
        centre: Row and column $(i_0, j_0)$ of the disc's centre.
        radius: Radius $r$ of the disc, in pixels.
        threshold: Largest $|x|$ that is seen inside the disc.
    """

    centre: tuple[FiniteFloat, FiniteFloat]
    radius: FiniteFloat = Field(gt=0)
    threshold: FiniteFloat = Field(ge=0)

    @model_validator(mode="after")
    def _disc_meets_image(self) -> Self:
        if not self.disc().any():
            raise ValueError(
                f"the disc of radius {self.radius:g} at {self.centre} holds no pixel of the "
                f"{self.height} x {self.width} image"
            )
        return self

    def disc(self) -> Mask:
        """Say which pixels are inside the disc, shape (height, width)."""
        row, column = np.ogrid[: self.height, : self.width]
        inside: Mask = (row - self.centre[0]) ** 2 + (column - self.centre[1]) ** 2 <= self.radius**2
        return inside

    @override
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        self._require_image(targets)
        far = np.abs(table[targets].to_numpy()) > self.threshold
        far_inside: Mask = far & self.disc().ravel()
        return far_inside


@mechanisms.register("random_block")
class RandomBlock(ImageMechanism):
    r"""Images' pixels missing in a rectangle, anywhere in the image with the same probability (MCAR).

    $p_{ij}$ is the share of the rectangle's places that cover the pixel; the pixels of an image go missing
    together.

    Attributes:
        block_height: Rows of the rectangle.
        block_width: Columns of the rectangle.
    """

    block_height: PositiveInt
    block_width: PositiveInt

    @model_validator(mode="after")
    def _block_fits(self) -> Self:
        if self.block_height > self.height or self.block_width > self.width:
            raise ValueError(
                f"a block of {self.block_height} x {self.block_width} doesn't fit into an image of "
                f"{self.height} x {self.width}"
            )
        return self

    @override
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        self._require_image(targets)
        rows, columns = (_covers(*side).mean(axis=0) for side in self._sides())
        return np.tile(np.outer(rows, columns).ravel(), (len(table), 1))

    @override
    def missing(self, table: pd.DataFrame, generator: np.random.Generator) -> Mask:
        self.probability(table)  # checks the table
        rows, columns = (
            covers[generator.integers(len(covers), size=len(table))]
            for covers in (_covers(*side) for side in self._sides())
        )
        block = (rows[:, :, None] & columns[:, None, :]).reshape(len(table), -1)
        missing = np.zeros(table.shape, dtype=bool)
        missing[:, table.columns.get_indexer(pd.Index(self.targets(table)))] = block
        return missing

    def _sides(self) -> list[tuple[int, int]]:
        return [(self.height, self.block_height), (self.width, self.block_width)]


def _covers(length: int, block: int) -> Mask:
    """Say which of `length` places in a line a block covers, for each place where it can start."""
    start, place = np.ogrid[: length - block + 1, :length]
    covered: Mask = (start <= place) & (place < start + block)
    return covered
