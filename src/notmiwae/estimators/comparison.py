"""Assumptions side by side: how well each foretells rows that its models weren't trained on, with gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from notmiwae.arrays import Floats
from notmiwae.estimators.column_processes import ignores_value
from notmiwae.estimators.cross_validation import Candidate, chosen_rows, cross_validated
from notmiwae.estimators.defaults import training
from notmiwae.estimators.evidence import pseudo_bma
from notmiwae.estimators.normal_margins import NormalMargins
from notmiwae.estimators.threads import torch_threads
from notmiwae.estimators.workers import Workers
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.randomness import torch_seed
from notmiwae.training.known_cells import KnownCells, rows_of

_CLEAR = 2.0
"""Standard errors beyond which a difference is called clear."""
_ITERATIONS = 2_000


@dataclass(frozen=True)
class Comparison:
    """What held-out rows say of several assumptions.

    Attributes:
        table: A row for each assumption, the best first: `bound` of `log p(x_o, s)`, nats a row of
            standardised values; `difference` from the first one that was asked for and its `standard_error`,
            paired row by row; `behind` the best one, and its `behind_error`; `stacking` and `pseudo_bma`,
            weights that sum to 1.
        rows: Bound of each row under each assumption.
    """

    table: pd.DataFrame
    rows: pd.DataFrame

    def words(self) -> str:
        """Say what the data can tell and what they can't."""
        best, *others = self.table["assumption"]
        told, close = [], []
        for _, row in self.table.iloc[1:].iterrows():
            clear = row["behind"] > _CLEAR * row["behind_error"]
            told += [row["assumption"]] * clear
            close += [row["assumption"]] * (not clear)
        said = []
        if others and not close:
            said.append(f"{best!r} foretells rows clearly better than {_listed(told)}.")
        if close:
            said.append(f"The data can't tell {_listed([best, *close])} apart.")
            said += [f"They speak against {_listed(told)}."] if told else []
        return " ".join(
            [
                *said,
                "Only these were compared: if all are wrong, one is best all the same. What a skewed column "
                "is like beyond what was seen, no bound can tell.",
            ]
        )

    def __str__(self) -> str:
        numbers = {name: "{:.3f}".format for name in self.table.columns if name != "assumption"}
        return f"{self.table.to_string(index=False, formatters=numbers)}\n\n{self.words()}"

    def plot(self) -> Any:
        """Draw how far each assumption is behind the best one, with two standard errors."""
        return _figure(self.table)


def compare(
    workers: Workers,
    values: Floats,
    columns: tuple[str, ...],
    network: ModelSpec,
    processes: Mapping[str, ProcessSpec],
    steps: int | None,
    seed: int,
    known: KnownCells | None = None,
) -> Comparison:
    """Compare missing processes by cross-validation over five folds, on 5,000 rows at most.

    Columns whose values play no part in their gaps are mapped to what is nearly Gaussian beforehand, or
    a process that cuts a tail off would be preferred for a column that is skewed.

    Arguments:
        workers: Where models are trained.
        values: Table `[N, D]`, NaN where missing.
        columns: Names of the columns.
        network: Encoder, decoder, observation model.
        processes: Missing processes by the name of the assumption.
        steps: Steps of a training, as the user has it.
        seed: Seed of everything random in it.
        known: Cells known to lie between two ends.
    """
    chosen = chosen_rows(values, seed)
    values, known = values[chosen], rows_of(known, chosen)
    as_they_are = known.columns if known else ()
    levels = network.observation.levels(values.shape[1])
    gaps = set(np.flatnonzero(np.isnan(values).any(axis=0)))
    margins = [
        NormalMargins(
            values,
            [
                place
                for place, name in enumerate(columns)
                if not levels[place]
                and place not in as_they_are
                and (place not in gaps or ignores_value(process, name))
            ],
        )
        for process in processes.values()
    ]
    candidates = [
        Candidate(own.transform(values), own.network(network), process)
        for own, process in zip(margins, processes.values(), strict=True)
    ]
    spec = training(len(values), steps)
    trained = cross_validated(workers, columns, candidates, spec, seed, known)
    with torch_threads(workers.n_threads):
        rows = [
            each.rows(torch_seed(seed, "score")) + own.log_jacobian(values).sum(axis=1)
            for each, own in zip(trained, margins, strict=True)
        ]
    return compared([*processes], rows, torch_seed(seed, "weights"))


def compared(names: Sequence[str], rows: Sequence[Floats], seed: int) -> Comparison:
    """Compare assumptions by what they made of the same rows.

    Arguments:
        names: Names of the assumptions.
        rows: Bound of each row under each of them.
        seed: Seed of the bootstrap that weighs them.
    """
    bounds = np.array(rows)
    best = bounds[bounds.mean(axis=1).argmax()]
    bma = pseudo_bma(bounds, [1.0 / len(names)] * len(names), seed)
    table = pd.DataFrame(
        {
            "assumption": list(names),
            "bound": bounds.mean(axis=1),
            "difference": (bounds - bounds[0]).mean(axis=1),
            "standard_error": _error(bounds - bounds[0]),
            "behind": (best - bounds).mean(axis=1),
            "behind_error": _error(best - bounds),
            "stacking": stacking(bounds),
            "pseudo_bma": bma,
        }
    )
    ordered = table.sort_values("bound", ascending=False, kind="stable", ignore_index=True)
    return Comparison(ordered, pd.DataFrame(bounds.T, columns=list(names)))


def stacking(log_probs: Floats) -> Floats:
    """Find the mixture of K candidates that foretells N rows best, `max_w Σ_i log Σ_k w_k exp(ℓ_ki)`, `[K]`.

    Yao, Vehtari, Simpson & Gelman (Bayesian Analysis 2018). The maximum is found by expectation-maximisation,
    each step of which raises the sum.

    Arguments:
        log_probs: ℓ, the log-density of each row under each candidate, `[K, N]`.
    """
    densities = np.exp(log_probs - log_probs.max(axis=0))
    weights: Floats = np.full(len(densities), 1.0 / len(densities))
    for _ in range(_ITERATIONS):
        shares = weights[:, None] * densities
        weights = (shares / shares.sum(axis=0)).mean(axis=1)
    return weights


def _error(differences: Floats) -> Floats:
    errors: Floats = differences.std(axis=1, ddof=1) / np.sqrt(differences.shape[1])
    return errors


def _listed(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _figure(table: pd.DataFrame) -> Any:
    from matplotlib.figure import Figure

    from notmiwae.plot_style import BLUE, GREY

    figure = Figure(figsize=(4.6, 0.32 * len(table) + 0.9), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(table))
    axes.axvline(0.0, color=GREY, lw=0.8)
    reach = _CLEAR * table["behind_error"]
    axes.errorbar(-table["behind"], places, xerr=reach, fmt="o", color=BLUE, ms=4, lw=1.2, capsize=2)
    axes.set_yticks(places, table["assumption"], fontsize=8)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel("held-out bound less the best one's, nats a row (± 2 standard errors)", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
