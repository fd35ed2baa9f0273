"""What a report says in words: verdicts on evidence, and the paragraph for a paper's methods."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from notmiwae.estimators.choice import AT_RANDOM
from notmiwae.estimators.column_processes import explains
from notmiwae.estimators.missing import NOTHING, Missing
from notmiwae.estimators.miwae_imputer import MIWAEImputer
from notmiwae.model.missing_process.selection_model import PERHAPS
from notmiwae.report.findings import Findings

_CLEAR = 2.0
"""Standard errors beyond which evidence is called clear."""
_NAMED = 8
_FOR = "speaks for it"
MEANINGS = {
    "auto": "by what foretells held-out rows best: at random given what is seen, or high or low values",
    "mar": "missing at random, given what is seen",
    "mcar": "missing completely at random",
    "high": "the higher a value, the likelier it is missing",
    "low": "the lower a value, the likelier it is missing",
    "unknown": "the higher or the lower a value, whichever fits better, the likelier it is missing",
    "extreme": "values at both ends go missing",
    "middle": "values in the middle go missing",
    "anything": "missingness may depend on all values of the row",
    "category": "each category goes missing at a rate of its own",
}
"""What each word says of why values are missing."""
REFERENCES = (
    "Barnard, J. & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation. "
    "Biometrika 86, 948–955.",
    "Ipsen, N. B., Mattei, P.-A. & Frellsen, J. (2021). not-MIWAE: Deep generative modelling with missing "
    "not at random data. ICLR.",
    "Mattei, P.-A. & Frellsen, J. (2019). MIWAE: Deep generative modelling and imputation of incomplete data "
    "sets. ICML.",
    "Rubin, D. B. (1987). Multiple imputation for nonresponse in surveys. Wiley.",
    "van Buuren, S. (2018). Flexible imputation of missing data, 2nd edition. CRC Press.",
)
_NESTED = (
    "Rubin, D. B. (2003). Nested multiple imputation of NMES via partially incompatible MCMC. "
    "Statistica Neerlandica 57, 3–18."
)


def references(bootstrap: bool) -> list[str]:
    """List what is cited, by name; of models on rows drawn with replacement, nested imputations too."""
    return sorted([*REFERENCES, *([_NESTED] if bootstrap else [])], key=str.lower)


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Join names in a sentence, not too many."""
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def missing_cells(rows: pd.DataFrame) -> str:
    """Say how much of a table is missing."""
    missing = rows.isna().to_numpy()
    gaps = int(missing.any(axis=0).sum())
    complete = int((~missing.any(axis=1)).sum())
    return (
        f"Of {rows.shape[0]:,} rows and {rows.shape[1]} columns, {missing.mean():.1%} of the cells are "
        f"missing, in {gaps} column{'s' * (gaps != 1)}; {complete:,} rows are complete"
    )


def assumption(said: Any, groups: Mapping[str, Sequence[str]] | None) -> str:
    """Say in words what was assumed on why values are missing."""
    if isinstance(said, Mapping):
        parts = [f"{name}: {_word(each)}" for name, each in said.items()]
        found = "; ".join([*parts, f"all other columns: {MEANINGS[AT_RANDOM]}"])
    else:
        found = _word(said)
    by_value = sum(map(_by_value, said.values())) if isinstance(said, Mapping) else 2 * _by_value(said)
    if groups is None and by_value > 1:
        found += "; several gaps of a row may have one cause"
    for name, columns in (groups or {}).items():
        found += f"; gaps of {listed(list(columns))} come together ({name})"
    return found


def _by_value(said: Any) -> bool:
    """Tell whether a direction is said."""
    return (said.word if isinstance(said, Missing) else said) in ("high", "low", "unknown")


def _word(said: Any) -> str:
    if not isinstance(said, Missing):
        return _word(Missing(said)) if _by_value(said) else MEANINGS.get(str(said), str(said))
    found = MEANINGS.get(said.word, said.word)
    if said.given == PERHAPS and _by_value(said):
        found += ", where complete columns may decide too"
    elif said.given and said.given not in (PERHAPS, NOTHING):
        names = said.given if not isinstance(said.given, str) else [f"all {said.given} columns"]
        found += f", and {listed(list(names))} decide{'s' * (len(names) == 1)} too"
    found += ", by the curve that others have too" if said.one_curve else ""
    return found + (", and some are missing at random" if said.at_random else "")


def verdicts(weighed: pd.DataFrame) -> pd.DataFrame:
    """Say of each column and direction what held-out rows say of it, against missing at random.

    Columns of the table: `column`, `assumption`, `gain` in nats a row with its `error`, `verdict`, `models`.

    Arguments:
        weighed: `assumptions_` of an imputer.
    """
    found = []
    for name, rows in weighed.groupby("column", sort=False):
        first = rows.iloc[0]["assumption"]
        for _, row in rows.iterrows():
            if row["assumption"] == first == AT_RANDOM:
                continue
            verdict = _verdict(row["difference"], row["standard_error"])
            found.append(
                {
                    "column": name,
                    "assumption": row["assumption"],
                    "gain": row["difference"],
                    "error": row["standard_error"],
                    "verdict": "nothing to compare" if row["assumption"] == first else verdict,
                    "models": int(row["members"]),
                }
            )
    return pd.DataFrame(found, columns=["column", "assumption", "gain", "error", "verdict", "models"])


def _verdict(gain: float, error: float) -> str:
    if abs(gain) <= _CLEAR * error:
        return "can't tell"
    return _FOR if gain > 0 else "speaks against it"


def evidence(found: Findings) -> str:
    """Say in a paragraph what held-out rows say of the assumption."""
    weighed = found.imputer.assumptions_
    if found.comparison is not None:
        return found.comparison.words()
    if not len(weighed):
        return "Values were taken as missing at random; nothing was compared."
    if not weighed["difference"].any():
        return "The table has too few rows for evidence: nothing was weighed."
    found_out = verdicts(weighed)
    taken = found_out[found_out["models"] > 0]
    if not len(taken):
        return (
            "In no column do held-out rows speak for values missing by their own size: all are imputed as "
            "missing at random. That is no proof that they are."
        )
    size = len(found.imputer.members_)
    named = [
        f"{row['column']} ({row['assumption']}: {row['models']} of {size})" for _, row in taken.iterrows()
    ]
    clear = (taken["verdict"] == _FOR).all()
    return (
        f"Held-out rows {'speak' if clear else 'lean, some of them without being clear,'} for values that go "
        f"missing by their own size, in so many models: {listed(named)}; all else is imputed as missing at "
        "random. Rows can mislead where a column is skewed."
    )


def dependence(found: Findings) -> list[str]:
    """Say for each column how far its mean moves between assumptions, and by which shifts it tips."""
    if found.sensitivity is None:
        return []
    table, sentences = found.sensitivity.table, []
    for name, rows in table.groupby("column", sort=False):
        by_word = rows.set_index("assumption")["mean"]
        words = by_word.drop(["observed", "this report"], errors="ignore")
        own = rows[rows["assumption"] == "this report"].iloc[0]
        lower, upper = float(own["lower"]), float(own["upper"])
        inside = lower <= words.min() and words.max() <= upper
        where = (
            "within this report's interval" if inside else "beyond this report's interval: say what you know"
        )
        span = f"{number(words.min())} ({words.idxmin()}) to {number(words.max())} ({words.idxmax()})"
        said = f"{name}: {number(own['mean'])} here; from {span} between assumptions, {where}."
        sentences.append(said + _tipping(found.sensitivity.shifts, str(name), lower, upper))
    return sentences


def _tipping(shifts: pd.DataFrame, name: str, lower: float, upper: float) -> str:
    """Say between which shifts of what is imputed at random a column's mean stays in an interval."""
    rows = shifts[shifts["column"] == name]
    if not len(rows):
        return ""
    # Shifted cells move the mean by as many of its parts.
    slope, start = np.polyfit(rows["delta"], rows["mean"], 1)
    if not slope > 0:
        return ""
    least, most = ((end - start) / slope for end in (lower, upper))
    return (
        f" The mean lies in that interval while missing values differ from seen ones that are alike by "
        f"{decimals(least, 1)} to {decimals(most, 1)} standard deviations."
    )


def methods(found: Findings, settings: Mapping[str, Any], version: str) -> str:
    """Write the paragraph of a paper's methods.

    Arguments:
        found: What was found.
        settings: `groups`, `missing_process` and `seed` of the imputer.
        version: Version of this package.
    """
    imputer, draws = found.imputer, len(found.draws)
    modelled = any(explains(member.process) for member in imputer.members_)
    model = (
        "not-MIWAE (Ipsen et al. 2021), a deep latent variable model with a model of why values are missing"
    )
    if not modelled:
        model = "MIWAE (Mattei & Frellsen 2019), a deep latent variable model"
    said = assumption(settings["missing_process"], settings["groups"])
    checks, failed = len(found.checks.table), len(found.checks.failed)
    checked = f"Of {checks} posterior predictive checks of the gaps {failed or 'none'} failed (0.01, Holm)."
    compared = (
        "Sensitivity to the assumption was examined by imputing under values missing at random, and under "
        "low and high values going missing, and by δ-adjustment (van Buuren 2018)."
    )
    latent = imputer.members_[0].model.spec.latent_size
    drawn, nested = "", " (Rubin 1987; Barnard & Rubin 1999)"
    if imputer.bootstrap:
        drawn = ", each on rows drawn with replacement"
        nested = " for nested imputations (Rubin 1987, 2003; Barnard & Rubin 1999)"
    torch_version = torch.__version__.split("+")[0]
    versions = f"Python {platform.python_version()}, PyTorch {torch_version}, NumPy {np.__version__}"
    sentences = [
        f"{missing_cells(found.rows)}.",
        f"Missing values were imputed by {model}, as implemented in notmiwae {version} ({versions}).",
        f"It was assumed that values are missing as follows: {said}.",
        evidence(found),
        f"{len(imputer.members_)} models with {latent} latent dimensions, trained from independent initial "
        f"weights{drawn}, imputed together, with up to {imputer.n_samples} importance samples a row.",
        f"Estimates are pooled over {draws} imputations by Rubin's rules{nested}.",
        checked if checks else "",
        compared if found.sensitivity is not None else "",
        f"The random seed was {settings['seed']}.",
    ]
    return " ".join(filter(None, sentences))


def number(value: float) -> str:
    """Write a number with four digits that count, and a true minus."""
    text = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return text.replace("-", "−")


def decimals(value: float, digits: int = 3) -> str:
    """Write a number with so many decimals, and a true minus."""
    return f"{value:,.{digits}f}".replace("-", "−")


def rounded(value: float, error: float) -> str:
    """Write an estimate with the decimals that its standard error leaves it: two digits of the error."""
    if not error > 0 or not np.isfinite(error):
        return number(value)
    return decimals(value, int(np.clip(1 - np.floor(np.log10(error)), 0, 8)))


def of_columns(imputer: MIWAEImputer, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Describe the columns as they were understood: name, kind, share missing, and what was seen."""
    found = []
    for column in imputer.columns_:
        seen = rows[column.name].dropna()
        if column.values:
            common = seen.value_counts(normalize=True).head(3)
            about = ", ".join(f"{value} ({share:.0%})" for value, share in common.items())
            about += f" and {len(column.values) - 3} more" if len(column.values) > 3 else ""
        else:
            low, middle, high = np.quantile(seen.to_numpy(dtype=np.float64), [0.0, 0.5, 1.0])
            about = f"{number(low)} to {number(high)}, median {number(middle)}"
        missing = int(rows[column.name].isna().sum())
        found.append(
            {
                "name": column.name,
                "kind": column.kind,
                "missing": missing,
                "rate": missing / len(rows),
                "about": about,
            }
        )
    return found
