"""What a search found: its trials as a table, what goes with what, and the files that say so."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import pearsonr, spearmanr

from study.search.search_space import Choice, Span
from study.search.search_trial import RECORDED
from study.search.sweep_spec import Sweep
from study.search.trial_batches import best, bound_of

TARGETS = ("bound", "rmse")
"""Columns of a search's table that its dials are held against."""
_SHOWN = 10
"""Number of trials in the table for readers."""
_FEWEST = 3
"""Number of trials without which no correlation or importance is computed."""
_DIGITS = 6
"""Significant digits that are written, as in all reports."""


def table(sweep: Sweep, trials: Sequence[FrozenTrial]) -> pd.DataFrame:
    """Return a row for each trial: trial, state, bound, rmse, crps, steps, and its dials."""
    rows = [
        {"trial": trial.number, "state": trial.user_attrs["state"], "bound": trial.value}
        | {name: trial.user_attrs.get(name, np.nan) for name in RECORDED}
        | {"steps": trial.user_attrs["steps"]}
        | {name: dial.tried(trial.params[name]) for name, dial in sweep.space.items()}
        for trial in trials
    ]
    return pd.DataFrame(rows).astype({"bound": float})


def dial_columns(sweep: Sweep, complete: pd.DataFrame) -> dict[str, pd.Series]:
    """Return dials as numbers: logarithms where they are tried so, 0 or 1 for each option of a choice.

    Arguments:
        sweep: Search.
        complete: Rows of `table`.
    """
    columns: dict[str, pd.Series] = {}
    for name, dial in sweep.space.items():
        if isinstance(dial, Choice):
            for option in dial.options:
                columns[f"{name}: {option}"] = (complete[name] == option).astype(float)
        else:
            values = complete[name].astype(float)
            log = isinstance(dial, Span) and dial.log
            columns[name] = pd.Series(np.log(values), index=values.index) if log else values
    return columns


def correlations(sweep: Sweep, trials: pd.DataFrame) -> pd.DataFrame:
    """Correlate (Pearson, Spearman) each dial with bound and RMSE, over the complete trials.

    Columns dial, target, pearson, spearman; NaN where a dial or an option was tried in one way only.
    """
    complete = trials[trials["state"] == "complete"]
    rows = [
        (name, target, *correlation(values, complete[target]))
        for name, values in dial_columns(sweep, complete).items()
        for target in TARGETS
    ]
    return pd.DataFrame(rows, columns=["dial", "target", "pearson", "spearman"])


def correlation(first: pd.Series, second: pd.Series) -> tuple[float, float]:
    """Compute Pearson's and Spearman's correlation; NaN of what doesn't vary or is too short."""
    if len(first) < _FEWEST or first.nunique() < 2 or second.nunique() < 2:
        return np.nan, np.nan
    return float(pearsonr(first, second).statistic), float(spearmanr(first, second).statistic)


def importances(sweep: Sweep, trials: Sequence[FrozenTrial]) -> pd.DataFrame:
    """Compute each dial's importance for bound and RMSE, by two evaluators, over the complete trials.

    Columns dial, target, evaluator, importance; a target's and an evaluator's sum to 1. fANOVA asks which
    share of the variance over the whole space a dial explains; PED-ANOVA how far the best tenth of the trials
    is from all of them in that dial.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if len(complete) < _FEWEST:
        return pd.DataFrame([], columns=["dial", "target", "evaluator", "importance"])
    rows = []
    for target in TARGETS:
        # Smaller is better, for both: PED-ANOVA looks at the best ones.
        study = optuna.create_study(direction="minimize")
        for trial in complete:
            value = -bound_of(trial) if target == "bound" else trial.user_attrs["rmse"]
            study.add_trial(
                optuna.trial.create_trial(value=value, params=trial.params, distributions=trial.distributions)
            )
        for evaluator, shares in _evaluated(study).items():
            rows += [(name, target, evaluator, shares.get(name, 0.0)) for name in sweep.space]
    return pd.DataFrame(rows, columns=["dial", "target", "evaluator", "importance"])


def _evaluated(study: optuna.Study) -> dict[str, Mapping[str, float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return {
            "fANOVA": get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0)),
            "PED-ANOVA": get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()),
        }


def summary(sweep: Sweep, trials: Sequence[FrozenTrial]) -> dict[str, Any]:
    """Sum up: the best trial and what it writes, the default, and how well the bound predicts RMSE."""
    rows = table(sweep, trials)
    complete = rows[rows["state"] == "complete"]
    winner = best(trials)
    pearson, spearman = correlation(complete["bound"], complete["rmse"])
    return {
        "dataset": sweep.dataset,
        "model": sweep.model,
        "seed": sweep.seed,
        "optuna": optuna.__version__,
        "trials": {name: int((rows["state"] == name).sum()) for name in ("complete", "stopped", "diverged")},
        "best": {**_metrics(winner), "dials": sweep.written(winner.params)},
        "default": _metrics(trials[0]),
        "bound_with_rmse": {"pearson": _rounded(pearson), "spearman": _rounded(spearman)},
    }


def _metrics(trial: FrozenTrial) -> dict[str, Any]:
    metrics = {"bound": trial.value, **{name: trial.user_attrs.get(name) for name in RECORDED}}
    return {"trial": trial.number, **{name: _rounded(value) for name, value in metrics.items()}}


def _rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(f"{value:.{_DIGITS}g}")


def markdown(sweep: Sweep, trials: pd.DataFrame) -> str:
    """Write the best trials by bound as a Markdown table, and the default below them if it's none of them."""
    ranked = trials[trials["state"] == "complete"].sort_values(
        ["bound", "trial"], ascending=[False, True], ignore_index=True
    )
    ranked["rank"] = np.arange(1, len(ranked) + 1)
    shown = ranked[(ranked["rank"] <= _SHOWN) | (ranked["trial"] == 0)]
    names = [title(name) for name in sweep.space]
    head = ["rank", "trial", "held-out bound", "RMSE", "CRPS", *names]
    alignments = [":--" if isinstance(dial, Choice) else "--:" for dial in sweep.space.values()]
    lines = [head, ["--:"] * 5 + alignments]
    for row in shown.to_dict("records"):
        number = "0 (default)" if row["trial"] == 0 else str(row["trial"])
        metrics = [f"{row[name]:.4g}" for name in ("bound", "rmse", "crps")]
        values = [row[name] for name in sweep.space]
        dials = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
        lines.append([str(row["rank"]), number, *metrics, *dials])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def title(name: str) -> str:
    """Return a dial's name as a reader writes it."""
    return name.replace("_", " ")
