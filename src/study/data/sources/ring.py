"""A ring in the plane."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import PositiveFloat, PositiveInt
from typing_extensions import override

from study.data.sources.source import Source, sources


@sources.register("ring")
class RingSource(Source):
    """Points around a circle: angle uniform, radius `N(radius, spread²)`; columns x_1 and x_2.

    Attributes:
        rows: Number of points.
        radius: Mean distance from the origin.
        spread: Standard deviation of that distance.
    """

    rows: PositiveInt
    radius: PositiveFloat
    spread: PositiveFloat

    @override
    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        angle = generator.uniform(-np.pi, np.pi, self.rows)
        radius = generator.normal(self.radius, self.spread, self.rows)
        return pd.DataFrame({"x_1": radius * np.cos(angle), "x_2": radius * np.sin(angle)})

    @override
    def diagnostics(self, table: npt.NDArray[np.float64]) -> dict[str, float]:
        """Compute `ring_distance`, the median of `|‖x‖ − radius|`."""
        return {"ring_distance": float(np.median(np.abs(np.linalg.norm(table, axis=1) - self.radius)))}
