"""Mechanisms with a region: a sector of the plane, a disc of an image (MNAR)."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, FiniteFloat, PositiveInt, model_validator

from notmiwae.data.mechanisms.base import Floats, Mask, Mechanism, Names, mechanisms, require_distinct
from notmiwae.errors import DataError


@mechanisms.register("angular_sector")
class AngularSector(Mechanism):
    r"""Missing where a point's angle $\mathrm{atan2}(x_b, x_a)$ is in a closed sector.

    The sector runs counter-clockwise from $\pi \cdot$ `start_pi` to $\pi \cdot$ `stop_pi` radians, and may
    cross $\pi$, where atan2 jumps. The origin has angle 0. The poster's ring is `[0.25, 0.75]`.

    Attributes:
        columns: The columns that go missing; they have to be named here.
        axes: The names $(a, b)$ of the plane's two axes.
        start_pi: Where the sector starts, as a multiple of π.
        stop_pi: Where it stops, as a multiple of π; less than a full turn after the start.
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

    def drivers(self) -> tuple[str, ...]:
        """The plane's two axes."""
        return self.axes

    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        first, second = (table[name].to_numpy() for name in self.axes)
        # In multiples of π, so that the usual limits (quarters) are exact and the interval is closed.
        turned = (np.arctan2(second, first) / np.pi - self.start_pi) % 2
        inside = turned <= self.stop_pi - self.start_pi
        return np.repeat(inside[:, None], len(targets), axis=1)


@mechanisms.register("disc_threshold")
class DiscThreshold(Mechanism):
    r"""Images' pixels missing inside a disc where they're far from 0 (the poster's MNIST).

    Missing where $(i - i_0)^2 + (j - j_0)^2 \le r^2$ and $|x_{ij}| > $ `threshold`; rows and columns of the
    image count from 0, and the table's `columns` are its pixels row by row.

    Attributes:
        centre: $(i_0, j_0)$, row and column.
    """

    height: PositiveInt
    width: PositiveInt
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
        """Which pixels are inside the disc, shape (height, width)."""
        row, column = np.ogrid[: self.height, : self.width]
        inside: Mask = (row - self.centre[0]) ** 2 + (column - self.centre[1]) ** 2 <= self.radius**2
        return inside

    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        if len(targets) != self.height * self.width:
            raise DataError(
                f"{self.label}: {len(targets)} columns, expected the {self.height * self.width} pixels of a "
                f"{self.height} x {self.width} image"
            )
        far = np.abs(table[targets].to_numpy()) > self.threshold
        masked: Mask = far & self.disc().ravel()
        return masked
