"""Continuous ranked probability score."""

from notmiwae.metrics import crps
from study.evaluation.imputed_table import ImputedTable


def values(table: ImputedTable) -> dict[str, float]:
    """Compute `crps` of the draws, where there are any."""
    return {"crps": crps(table.draws, table.truth)} if table.has_draws else {}
