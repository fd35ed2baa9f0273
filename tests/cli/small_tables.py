"""Small tables, complete and with missing values."""

import numpy as np
import pandas as pd

QUICK = ["--steps", "2", "--members", "1", "--samples", "5"]


def complete_table(rows=60):
    generator = np.random.default_rng(0)
    z = generator.normal(size=rows)
    return pd.DataFrame(
        {
            "id": [f"p{row:02d}" for row in range(rows)],
            "wage": np.exp(7 + 0.5 * z).round(2),
            "age": (40 + 8 * z + generator.normal(size=rows)).round().astype(int),
            "region": generator.choice(["north", "south", "west"], rows),
        }
    )


def masked_table(rows=60):
    table = complete_table(rows)
    return table.assign(
        wage=table["wage"].mask(table["wage"] > 1300),
        age=table["age"].astype("Int64").mask(np.arange(rows) % 5 == 0),
        region=table["region"].mask(np.arange(rows) % 7 == 0),
    )
