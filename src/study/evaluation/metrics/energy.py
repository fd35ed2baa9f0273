"""Energy distance between imputed and true rows."""

import numpy as np

from notmiwae.metrics import energy_distance
from study.evaluation.imputed_table import ImputedTable


def values(table: ImputedTable) -> dict[str, float]:
    """Compute `energy`, the mean over completed tables, of rows of which all is known."""
    if not len(table.true_rows):
        return {}
    distances = [energy_distance(rows, table.true_rows) for rows in table.completed_rows]
    return {"energy": float(np.mean(distances))}
