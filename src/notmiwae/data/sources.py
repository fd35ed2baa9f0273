"""Where complete tables come from: drawn or read."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import (
    Field,
    FiniteFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from notmiwae.errors import DataError
from notmiwae.params import Registry, Spec


class Source(Spec):
    """Where complete tables come from."""

    fixed: ClassVar[bool] = False
    """Whether every replicate is the same table; otherwise each is drawn afresh."""

    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """A complete table, N × D.

        Raises:
            DataError: a file is absent or altered.
        """
        raise NotImplementedError

    def diagnostics(self, table: npt.NDArray[np.float64]) -> dict[str, float]:
        """What can be said of a completed table, or of rows of one, beside its error."""
        return {}


sources: Registry[Source] = Registry("data set")


@sources.register("gaussian")
class GaussianSource(Source):
    """Rows of a multivariate Gaussian `N(mean, covariance)`; columns x_1, x_2, and so on."""

    rows: PositiveInt
    mean: Annotated[tuple[FiniteFloat, ...], Field(min_length=2)]
    covariance: tuple[tuple[FiniteFloat, ...], ...]

    @field_validator("covariance")
    @classmethod
    def _positive_definite(cls, covariance: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        if any(len(row) != len(covariance) for row in covariance):
            raise ValueError("a covariance is a square matrix, a list of equally long rows")
        matrix = np.array(covariance)
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() <= 0:
            raise ValueError("a covariance is symmetric and positive definite")
        return covariance

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        if len(self.mean) != len(self.covariance):
            raise ValueError(f"mean has {len(self.mean)} entries, covariance {len(self.covariance)} rows")
        return self

    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """See `Source.draw`."""
        values = generator.multivariate_normal(self.mean, self.covariance, size=self.rows, method="cholesky")
        return pd.DataFrame(values, columns=[f"x_{j + 1}" for j in range(values.shape[1])])


@sources.register("ring")
class RingSource(Source):
    """Points around a circle: angle uniform, radius `N(radius, spread²)`; columns x_1 and x_2."""

    rows: PositiveInt
    radius: PositiveFloat
    spread: PositiveFloat

    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """See `Source.draw`."""
        angle = generator.uniform(-np.pi, np.pi, self.rows)
        radius = generator.normal(self.radius, self.spread, self.rows)
        return pd.DataFrame({"x_1": radius * np.cos(angle), "x_2": radius * np.sin(angle)})

    def diagnostics(self, table: npt.NDArray[np.float64]) -> dict[str, float]:
        """`ring_distance`: the median of `|‖x‖ − radius|`."""
        return {"ring_distance": float(np.median(np.abs(np.linalg.norm(table, axis=1) - self.radius)))}


@sources.register("mnist")
class MnistSource(Source):
    """The first images of MNIST's training set, a row each, pixels scaled to [−1, 1]; columns pixel_0, ….

    Attributes:
        file: An `.npz` with `images`, uint8, N × 28 × 28.
        sha256: Its checksum.
        images: How many of the first images to take.
    """

    fixed: ClassVar[bool] = True

    file: Path
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    images: PositiveInt

    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """See `Source.draw`; nothing is random here."""
        verify(self.file, self.sha256)
        try:
            with np.load(self.file, allow_pickle=False) as archive:
                images = archive["images"]
        except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{self.file}: not an .npz archive with `images`: {error}") from None
        if len(images) < self.images:
            raise DataError(f"{self.file}: holds {len(images)} images, {self.images} asked for")
        pixels = images[: self.images].reshape(self.images, -1) / 127.5 - 1.0
        return pd.DataFrame(pixels, columns=[f"pixel_{j}" for j in range(pixels.shape[1])])


def verify(file: Path, sha256: str) -> None:
    """Check a data file against its checksum.

    Raises:
        DataError: the file is absent, or isn't the one that is meant.
    """
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{file}: can't be read ({error.strerror}); restore it from git") from None
    if found != sha256:
        raise DataError(f"{file}: altered: sha256 is {found}, expected {sha256}; restore it from git")
