"""A made-up survey: numbers beside categories, all from two latent traits."""

import numpy as np
import pandas as pd
from pydantic import PositiveFloat, PositiveInt
from typing_extensions import override

from notmiwae.arrays import Floats
from study.data.sources.source import Source, sources


@sources.register("mixed_survey")
class MixedSurvey(Source):
    r"""Numbers and categories that depend on two latent traits $t \sim N(0, I)$.

    Numbers `x_1` to `x_4` are $a_j^T t + $ noise, $\|a_j\| = 1$ in directions of equal angle; `flag` is 1
    where such a sum is above 0; `region` (three codes) and `trade` (four) are drawn with probabilities
    $\mathrm{softmax}(\mathrm{sharpness} \cdot B t)$, the rows of B being equal angles apart.

    Attributes:
        rows: Number of rows.
        noise: Standard deviation of the noise in numbers and flag.
        sharpness: Factor of the categories' logits.
    """

    rows: PositiveInt
    noise: PositiveFloat = 0.7
    sharpness: PositiveFloat = 2.5

    @override
    def codes(self) -> dict[str, int]:
        return {"flag": 2, "region": 3, "trade": 4}

    @override
    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        traits = generator.normal(size=(self.rows, 2))

        def sums(count: int, turn: float) -> Floats:
            angles = turn * np.arange(count)
            projected: Floats = traits @ np.stack([np.cos(angles), np.sin(angles)])
            return projected

        numbers = sums(5, np.pi / 5) + self.noise * generator.normal(size=(self.rows, 5))
        table = pd.DataFrame(numbers[:, :4], columns=[f"x_{j + 1}" for j in range(4)])
        table["flag"] = (numbers[:, 4] > 0).astype(float)
        for name, count in (("region", 3), ("trade", 4)):
            logits = self.sharpness * sums(count, 2 * np.pi / count)
            # The largest logit with Gumbel noise is a draw from the softmax.
            table[name] = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1).astype(float)
        return table
