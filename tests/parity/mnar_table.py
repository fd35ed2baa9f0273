"""Write `mnar_input.csv`, the table that R's mice and this package impute side by side.

500 rows: x is standard normal and complete, `y = 1 + 0.8 x + 0.6 ε`, and b is 1 with the log-odds
`−0.3 + 0.4 x + 1.5 (y − 1)`. Both are missing at random, given x, in two patterns: `apart`, y with the
log-odds `−0.8 + 0.7 x` and b, independently, with `−1 − 0.5 x`; `together`, both in the rows that lack y
apart.
"""

from pathlib import Path

import numpy as np
import pandas as pd

FILE = Path(__file__).with_name("mnar_input.csv")


def table() -> pd.DataFrame:
    """Draw the table."""
    random = np.random.default_rng(2018)
    x = random.normal(size=500)
    y = 1.0 + 0.8 * x + 0.6 * random.normal(size=500)

    def happens(log_odds):
        return random.random(500) < 1.0 / (1.0 + np.exp(-log_odds))

    b = pd.Series(pd.array(happens(-0.3 + 0.4 * x + 1.5 * (y - 1.0)).astype(int), dtype="Int64"))
    y = pd.Series(y.round(4))
    without_y, without_b = happens(-0.8 + 0.7 * x), happens(-1.0 - 0.5 * x)
    return pd.DataFrame(
        {
            "x": x.round(4),
            "y_apart": y.mask(without_y),
            "b_apart": b.mask(without_b),
            "y_together": y.mask(without_y),
            "b_together": b.mask(without_y),
        }
    )


if __name__ == "__main__":
    table().to_csv(FILE, index=False)
