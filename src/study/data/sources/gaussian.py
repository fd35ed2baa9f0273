"""A multivariate Gaussian."""

from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field, FiniteFloat, PositiveInt, field_validator, model_validator
from typing_extensions import override

from study.data.sources.source import Source, sources


@sources.register("gaussian")
class GaussianSource(Source):
    """Rows of a multivariate Gaussian `N(mean, covariance)`; columns x_1, x_2, and so on.

    Attributes:
        rows: Number of rows.
        mean: Mean of each column.
        covariance: Covariance matrix, row by row.
    """

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

    @override
    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        values = generator.multivariate_normal(self.mean, self.covariance, size=self.rows, method="cholesky")
        return pd.DataFrame(values, columns=[f"x_{j + 1}" for j in range(values.shape[1])])
