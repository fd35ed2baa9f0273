"""Coverage and width of the central 90 % interval."""

from notmiwae.metrics import coverage, width
from study.evaluation.imputed_table import ImputedTable


def values(table: ImputedTable) -> dict[str, float]:
    """Compute `coverage90` and `width90` of the draws, where there are any."""
    if not table.has_draws:
        return {}
    return {"coverage90": coverage(table.draws, table.truth), "width90": width(table.draws)}
