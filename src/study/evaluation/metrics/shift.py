"""How much higher missing cells of unknown truth are imputed than what is observed in their columns."""

import numpy as np

from study.evaluation.imputed_table import ImputedTable

NEEDS_TRUTH = False


def values(table: ImputedTable) -> dict[str, float]:
    """Compute `shift`, the mean of `(x̂ − mean_j) / sd_j`: what a method says of values that nobody knows."""
    unknown = ~table.known
    if not unknown.any():
        return {}
    observed = table.masked.to_numpy(dtype=np.float64)
    column = table.imputed.column[unknown]
    deviation = np.nanstd(observed, axis=0)[column]
    difference = table.imputed.mean[unknown] - np.nanmean(observed, axis=0)[column]
    return {"shift": float(np.mean(difference / np.where(deviation > 0, deviation, 1.0)))}
