"""What a fitted imputer learnt of a table's gaps, and what its checks say, as a page."""

import pandas as pd

from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer
from notmiwae.report import wording


def learnt_page(imputer: NotMIWAEImputer, rows: pd.DataFrame, notices: list[str]) -> str:
    """Write as Markdown what was assumed, what evidence weighed, what was learnt, and what the checks say.

    Arguments:
        imputer: Fitted imputer.
        rows: The table that it was fitted to.
        notices: What fitting warned of.
    """
    parts = [f"Assumed: {wording.assumption(imputer.missing_process, imputer.groups)}."]
    parts += [f"Notice: {notice}" for notice in notices]
    if len(imputer.assumptions_):
        parts += ["What evidence weighed, in nats a row:", _fenced(imputer.assumptions_)]
    learnt = imputer.missing_process_
    if len(learnt):
        parts += ["What was learnt of why values are missing:", _fenced(learnt)]
    parts.append(f"Checks of the gaps: {imputer.check(rows).words()}")
    return "\n\n".join(parts) + "\n"


def _fenced(table: pd.DataFrame) -> str:
    return f"```text\n{table.to_string(index=False, float_format='{:.3g}'.format)}\n```"
