"""Equally correlated Gaussian columns, or what a monotone map makes of them."""

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt
from scipy.special import expit, logit
from typing_extensions import override

from notmiwae.arrays import Floats
from study.data.sources.source import Source, sources


@sources.register("correlated_gaussian")
class CorrelatedGaussian(Source):
    r"""Rows of $T(g)$, $g \sim N(0, \Sigma)$ with ones on the diagonal and one correlation elsewhere.

    Columns are x_1, x_2, and so on. The shape $T$, column by column, is the identity (`gaussian`),
    $e^{\sigma g}$ (`log_normal`: amounts) or $1 / (1 + e^{-\sigma g})$ (`share`: parts of a whole).

    Attributes:
        rows: Number of rows.
        columns: Number of columns.
        correlation: Correlation of any two columns of g.
        shape: Map from g to the column's values.
        sigma: Factor of g in the map.
    """

    rows: PositiveInt
    columns: Annotated[int, Field(ge=2)]
    correlation: Annotated[float, Field(ge=0, lt=1)]
    shape: Literal["gaussian", "log_normal", "share"] = "gaussian"
    sigma: PositiveFloat = 1.0

    @property
    def covariance(self) -> Floats:
        """Covariance of g, `[D, D]`."""
        return np.full((self.columns, self.columns), self.correlation) + (1 - self.correlation) * np.eye(
            self.columns
        )

    def shaped(self, g: Floats) -> Floats:
        """Map Gaussian values to the columns' own."""
        scaled = np.asarray(self.sigma * g, dtype=np.float64)
        if self.shape == "gaussian":
            return scaled
        return np.asarray(np.exp(scaled) if self.shape == "log_normal" else expit(scaled))

    def unshaped(self, x: Floats) -> Floats:
        """Map the columns' values to Gaussian ones, the inverse of `shaped`."""
        if self.shape == "gaussian":
            return np.asarray(x / self.sigma)
        return np.asarray((np.log(x) if self.shape == "log_normal" else logit(x)) / self.sigma)

    @override
    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        # One factor that all columns share, and noise of each.
        shared = generator.normal(size=(self.rows, 1))
        own = generator.normal(size=(self.rows, self.columns))
        g = np.sqrt(self.correlation) * shared + np.sqrt(1 - self.correlation) * own
        return pd.DataFrame(self.shaped(g), columns=[f"x_{j + 1}" for j in range(self.columns)])
