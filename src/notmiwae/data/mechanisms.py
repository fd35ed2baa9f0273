r"""Missing mechanisms: how values of a complete table are made to go missing.

A mechanism is a probability $p(s_{nj} = 0 \mid x_n)$ for every cell; a mask is one draw from it, and a
deterministic mechanism is the case of probabilities 0 and 1. Each mechanism is one class that states its
probability; reading, checking and drawing are common to all.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AfterValidator, Field, FiniteFloat, PositiveInt, model_validator

from notmiwae.data.calibration import calibrated, sigmoid, standardised
from notmiwae.data.cuts import Cut, MeanCut, QuantileCut
from notmiwae.errors import DataError
from notmiwae.params import Registry, Spec, suggest

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Names = Annotated[tuple[str, ...], Field(min_length=1)]
Rate = Annotated[float, Field(gt=0, lt=1)]


def _not_zero(slope: float) -> float:
    if slope == 0:
        raise ValueError("a slope of 0 lets nothing depend on the values; use kind: mcar")
    return slope


Slope = Annotated[FiniteFloat, AfterValidator(_not_zero)]


class Mechanism(Spec):
    """A missing mechanism; a subclass states `_probability`.

    Attributes:
        columns: The columns that can lose values; None is all of them.
        allow_empty_rows: Whether a row may lose all its cells. Such a row says nothing about itself, so by
            default it's an error rather than a silent change of the mask's distribution.
    """

    columns: Names | None = None
    allow_empty_rows: bool = False

    @model_validator(mode="after")
    def _columns_are_distinct(self) -> Self:
        _require_distinct("columns", self.columns or ())
        return self

    def targets(self, table: pd.DataFrame) -> list[str]:
        """The names of the columns that can lose values."""
        return list(table.columns if self.columns is None else self.columns)

    def drivers(self) -> tuple[str, ...]:
        """The names of further columns that the probability depends on."""
        return ()

    def probability(self, table: pd.DataFrame) -> Floats:
        r"""Every cell's probability to go missing, $p(s_{nj} = 0 \mid x_n)$, shape (N, D).

        Raises:
            DataError: there's nothing to mask, or a needed column is absent, not numeric or not finite.
        """
        if not table.columns.is_unique:
            raise DataError(
                f"{self.label}: two columns are called {table.columns[table.columns.duplicated()][0]!r}"
            )
        targets = self.targets(table)
        if len(table) == 0 or not targets:
            raise DataError(
                f"{self.label}: {len(table)} rows and {len(targets)} columns to mask, expected 1 or more"
            )
        needed = list(dict.fromkeys([*targets, *self.drivers()]))
        for name in needed:
            self._require_finite(table, name)
        probability = np.zeros(table.shape)
        cells = self._probability(table[needed].astype(np.float64), targets)
        probability[:, table.columns.get_indexer(pd.Index(targets))] = cells
        return probability

    def missing(self, table: pd.DataFrame, generator: np.random.Generator) -> Mask:
        """Draw a mask, shape (N, D); True goes missing. Raises as `probability` does."""
        # A uniform draw is below 1, so probabilities 0 and 1 come out as never and always.
        return generator.random(table.shape) < self.probability(table)

    def is_deterministic(self, table: pd.DataFrame) -> bool:
        """Whether every draw is the same mask: all probabilities are 0 or 1. Raises as `probability` does."""
        return bool(np.isin(self.probability(table), (0.0, 1.0)).all())

    @abstractmethod
    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        """The probabilities of the target columns, shape (N, len(targets)); `table` is finite floats.

        A mask stands for probabilities 0 and 1.
        """

    def _require_finite(self, table: pd.DataFrame, name: str) -> None:
        if name not in table.columns:
            raise DataError(f"{self.label}: no column {name!r}{suggest(name, map(str, table.columns))}")
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise DataError(f"{self.label}: column {name!r} holds {table[name].dtype}, expected numbers")
        bad = ~np.isfinite(table[name].to_numpy(np.float64, na_value=np.nan))
        if bad.any():
            raise DataError(
                f"{self.label}: column {name!r} holds {bad.sum()} NaN or infinite values, the first in row "
                f"{table.index[bad][0]}; expected a complete column"
            )

    @property
    def label(self) -> str:
        """What messages call this mechanism."""
        return f"mechanism {self.kind}"


mechanisms = Registry[Mechanism]("mechanism")


def apply_mechanism(
    mechanism: Mechanism, table: pd.DataFrame, generator: np.random.Generator
) -> pd.DataFrame:
    """A copy of `table`, its target columns as floats, with NaN where `mechanism` removes a value.

    Raises:
        DataError: a needed column is unknown, not numeric or not finite; a column loses all its values; or a
            row does and the mechanism doesn't allow it. Nothing is redrawn.
    """
    mask = mechanism.missing(table, generator)
    emptied = [name for j, name in enumerate(table.columns) if mask[:, j].all()]
    if emptied:
        more = f" (and of {len(emptied) - 1} more)" if len(emptied) > 1 else ""
        raise DataError(
            f"{mechanism.label}: mask removes all {len(table)} values of column {emptied[0]!r}{more}; "
            "lower the rate, move the cut or leave the column out of `columns`"
        )
    masked = table.astype(dict.fromkeys(mechanism.targets(table), np.float64)).mask(mask)
    empty = masked.isna().all(axis=1).to_numpy()
    if empty.any() and not mechanism.allow_empty_rows:
        raise DataError(
            f"{mechanism.label}: mask removes every value of {empty.sum()} of {len(table)} rows, "
            f"first row {table.index[empty][0]}; leave a column out of `columns` or set `allow_empty_rows`"
        )
    return masked


@mechanisms.register("mcar")
class MCAR(Mechanism):
    r"""Missing completely at random: $p = \mathrm{rate}$ in every cell."""

    rate: Rate

    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats:
        return np.full((len(table), len(targets)), self.rate)


@mechanisms.register("mar_logistic")
class MARLogistic(Mechanism):
    r"""Missing at random: a logistic regression on columns that stay complete.

    $p_{nj} = \sigma(\mathrm{slope} \cdot u_n + b)$, where $u$ is $\sum_k w_k z_{nk}$ scaled to mean 0 and
    standard deviation 1, $z$ are the standardised `given` columns, and $b$ makes the mean over rows `rate`.
    After Muzellec et al. (ICML 2020, arXiv 2002.03860), whose $w$ are random; here they're stated, so that
    the direction of the dependence is known.

    Attributes:
        columns: The columns that can lose values; None is all but `given`.
        given: The driver columns, which lose nothing.
        weights: $w$, one for each of `given`; None is 1 for each.
    """

    given: Names
    rate: Rate
    slope: Slope
    weights: tuple[FiniteFloat, ...] | None = None

    @model_validator(mode="after")
    def _drivers_fit(self) -> Self:
        _require_distinct("given", self.given)
        both = set(self.columns or ()) & set(self.given)
        if both:
            raise ValueError(f"{min(both)!r} is in columns and in given; a driver must stay complete")
        if self.weights is not None and len(self.weights) != len(self.given):
            raise ValueError(f"weights holds {len(self.weights)} numbers, given {len(self.given)} columns")
        return self

    def targets(self, table: pd.DataFrame) -> list[str]:
        """The names of the columns that can lose values."""
        return [name for name in super().targets(table) if name not in self.given]

    def drivers(self) -> tuple[str, ...]:
        """The columns in `given`."""
        return self.given

    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats:
        weights = np.ones(len(self.given)) if self.weights is None else np.array(self.weights)
        drivers = [
            standardised(table[name].to_numpy(), f"{self.label}: column {name!r}") for name in self.given
        ]
        combined = standardised(weights @ np.stack(drivers), f"{self.label}: the weighted sum of `given`")
        probability = calibrated(self.slope * combined, self.rate)
        return np.repeat(probability[:, None], len(targets), axis=1)


@mechanisms.register("threshold")
class Threshold(Mechanism):
    r"""Self-masking at a cut, strictly: missing where $x_{nj} > c_j$ (MNAR).

    With `side: lower` where $x_{nj} < c_j$; with `both` where $x_{nj} > c_j$ or $x_{nj} < c'_j$, the cut's
    mirror image: $|x| > c$ for a number, $|x - \bar x| > k \cdot \mathrm{sd}$ for the mean, outside the
    quantiles $[1 - q, q]$ for a quantile. The default, the mean, is that of Ipsen et al. (ICLR 2021,
    arXiv 2006.12871).
    """

    cut: Cut = MeanCut()
    side: Literal["upper", "lower", "both"] = "upper"

    @model_validator(mode="after")
    def _mirror_image_is_below(self) -> Self:
        reach = self.cut.offset_sd if isinstance(self.cut, MeanCut) else self.cut.at
        least = 0.5 if isinstance(self.cut, QuantileCut) else 0.0
        if self.side == "both" and reach < least:
            raise ValueError(f"side 'both' needs the cut's number to be {least:g} or more, found {reach:g}")
        return self

    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats | Mask:
        values = table[targets].to_numpy()
        mirror, cut = self.cut.points(values)
        if self.side == "upper":
            return values > cut
        if self.side == "lower":
            return values < cut
        return (values < mirror) | (values > cut)


@mechanisms.register("self_masking_logistic")
class SelfMaskingLogistic(Mechanism):
    r"""Self-masking with a soft threshold (MNAR).

    $p_{nj} = \sigma(\mathrm{slope} \cdot (x_{nj} - b_j) / \mathrm{sd}_j)$, where sd is the column's own.

    Attributes:
        slope: A negative one makes low values go missing.
        rate: Chooses $b_j$ so that the mean of $p_{nj}$ over rows is `rate` in every column.
        midpoint: $b_j$ itself, in the columns' units. Exactly one of the two is given.
    """

    slope: Slope
    rate: Rate | None = None
    midpoint: FiniteFloat | None = None

    @model_validator(mode="after")
    def _one_location(self) -> Self:
        if (self.rate is None) == (self.midpoint is None):
            raise ValueError("give exactly one of rate and midpoint")
        return self

    def _probability(self, table: pd.DataFrame, targets: list[str]) -> Floats:
        return np.stack([self._column(table[name].to_numpy(), name) for name in targets], axis=1)

    def _column(self, values: Floats, name: str) -> Floats:
        scores = self.slope * standardised(values, f"{self.label}: column {name!r}")
        if self.rate is not None:
            return calibrated(scores, self.rate)
        assert self.midpoint is not None  # by _one_location
        return sigmoid(scores - self.slope * (self.midpoint - values.mean()) / values.std())


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
        _require_distinct("axes", self.axes)
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


def _require_distinct(field: str, names: tuple[str, ...]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{field} names {name!r} twice")
