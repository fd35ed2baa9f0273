"""Root mean squared error."""

from notmiwae.metrics import rmse
from study.evaluation.imputed_table import ImputedTable


def values(table: ImputedTable) -> dict[str, float]:
    """Compute `rmse` of the imputed means."""
    return {"rmse": rmse(table.mean, table.truth)}
