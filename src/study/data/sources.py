"""Where complete tables come from: drawn or read."""

from __future__ import annotations

import hashlib
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

from notmiwae.cli.csv_text import MISSING, PARQUET
from notmiwae.errors import DataError
from notmiwae.mechanisms.calibration import standardised
from notmiwae.specs import Registry, Spec, suggest

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


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


sources: Registry[Source] = Registry("data set", __package__)


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


class RealTable(Source):
    """A table of measurements that is the same in every replicate.

    Attributes:
        standardise: Whether each column is scaled to mean 0 and standard deviation 1 (divisor N). It's done
            on the complete table, before values go missing, as in Ipsen et al. (2021).
    """

    fixed: ClassVar[bool] = True

    standardise: bool = False

    def read(self) -> pd.DataFrame:
        """The table as measured, all columns floats: finite, or NaN where a value is unknown."""
        raise NotImplementedError

    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """See `Source.draw`; nothing is random here. A constant column can't be standardised."""
        table = self.read()
        if self.standardise:
            for name in table.columns:
                known = table[name].notna()
                values = table.loc[known, name].to_numpy()
                table.loc[known, name] = standardised(values, f"{self.label}: column {name!r}")
        return table

    @property
    def label(self) -> str:
        """What messages call this table."""
        return f"data set {self.kind}"


@sources.register("csv")
class CsvTable(RealTable):
    """A text file with a row a line, its fields split by a separator.

    Attributes:
        file: The file.
        sha256: Its checksum.
        separator: One character, or `whitespace` for any run of blanks.
        names: The columns' names where the file has none; null: they're its first line.
        drop: Columns to leave out: a class, a name; what is left has to be numbers.
    """

    file: Path
    sha256: Sha256
    separator: Annotated[str, Field(pattern="^(.|whitespace)$")] = ","
    names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    drop: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """See `RealTable.label`."""
        return str(self.file)

    def read(self) -> pd.DataFrame:
        """See `RealTable.read`.

        Raises:
            DataError: the file is absent or altered, or no table; a column to drop is unknown; a field is
                empty or no finite number.
        """
        verify(self.file, self.sha256)
        table = self._fields()
        for name in self.drop:
            if name not in table.columns:
                raise DataError(f"{self.file}: no column {name!r} to drop{suggest(name, table.columns)}")
        table = table.drop(columns=list(self.drop))
        if table.empty:
            raise DataError(
                f"{self.file}: {len(table)} rows and {table.shape[1]} columns, expected 1 or more"
            )
        return pd.DataFrame({name: self._numbers(table[name]) for name in table.columns})

    def _fields(self) -> pd.DataFrame:
        """The file's fields as text, its header as the columns' names."""
        separator = r"\s+" if self.separator == "whitespace" else self.separator
        try:
            # A header of pandas' own would turn fields too many in a line into an index without a word.
            text = pd.read_csv(self.file, sep=separator, header=None, dtype=str, na_filter=False)
        except (ValueError, pd.errors.EmptyDataError) as error:
            raise DataError(f"{self.file}: not a table of text: {' '.join(str(error).split())}") from None
        names = text.iloc[0].tolist() if self.names is None else list(self.names)
        rows = text.iloc[1:] if self.names is None else text
        if len(names) != text.shape[1] or len(set(names)) < len(names):
            raise DataError(
                f"{self.file}: {text.shape[1]} columns, expected a different name for each, "
                f"found {', '.join(names)}"
            )
        return rows.set_axis(names, axis=1).reset_index(drop=True)

    def _numbers(self, column: pd.Series) -> npt.NDArray[np.float64]:
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        for row, field in column[~np.isfinite(numbers)].items():
            found = "nothing" if field == "" else repr(field)
            raise DataError(f"{self.file}: row {row}, column {column.name!r}: {found}, expected a number")
        return numbers


@sources.register("table")
class OwnTable(CsvTable):
    """A table in which values are missing already, and perhaps nobody knows what they would have been.

    Numbers only, also as a Parquet file by its name's end. Columns of text are to be dropped here; the
    estimators and `notmiwae impute` model them.

    Attributes:
        missing: Fields that stand for a missing value.
    """

    missing: tuple[str, ...] = MISSING

    def read(self) -> pd.DataFrame:
        """See `RealTable.read`.

        Raises:
            DataError: as for `CsvTable`, but for empty fields; a column has no value at all.
        """
        table = super().read()
        for name in table.columns[table.isna().all()]:
            raise DataError(f"{self.file}: column {name!r} has no value at all; accepted: drop: [{name}]")
        return table

    def _fields(self) -> pd.DataFrame:
        if self.file.suffix.lower() not in PARQUET:
            return super()._fields()
        try:
            return pd.read_parquet(self.file)
        # Parquet's own errors are values that don't fit.
        except ValueError as error:
            raise DataError(f"{self.file}: is no Parquet file: {' '.join(str(error).split())}") from None

    def _numbers(self, column: pd.Series) -> npt.NDArray[np.float64]:
        unknown = column.isna() | column.astype(str).str.strip().isin(self.missing)
        numbers = np.full(len(column), np.nan)
        numbers[~unknown] = super()._numbers(column[~unknown])
        return numbers


@sources.register("breast_cancer")
class BreastCancer(RealTable):
    """Breast cancer Wisconsin (diagnostic), 569 rows, 30 features, as scikit-learn carries it."""

    def read(self) -> pd.DataFrame:
        """See `RealTable.read`."""
        # Imported here: it takes longer than the rest of a stage that reads another table.
        from sklearn.datasets import load_breast_cancer

        data = load_breast_cancer()
        return pd.DataFrame(data.data, columns=[name.replace(" ", "_") for name in data.feature_names])


RESTORE = "restore it from git (what git doesn't track, no experiment has: `git add` it)"
"""What to do about a data file that isn't as it was."""


def verify(file: Path, sha256: str, remedy: str = RESTORE) -> None:
    """Check a data file against its checksum.

    Arguments:
        file: The file.
        sha256: Its checksum.
        remedy: What a message tells to do.

    Raises:
        DataError: the file is absent, or isn't the one that is meant.
    """
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{file}: can't be read ({error.strerror}); {remedy}") from None
    if found != sha256:
        raise DataError(f"{file}: altered: sha256 is {found}, expected {sha256}; {remedy}")
