"""Trials: a table masked, imputed and evaluated in one go, for studies that keep no model and no draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from notmiwae.computing import chunks
from notmiwae.imputation import impute_together
from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.progress import Report, silent
from notmiwae.randomness import generator, torch_seed
from notmiwae.specs import Spec
from notmiwae.training.fit import fit_together
from notmiwae.training.recipe import RecipeSpec
from study.baselines.baseline import Baseline
from study.data.datasets import DatasetSpec
from study.evaluation.evaluate import evaluate, process_metrics
from study.run.tables import ImputedCells


class Model(Spec):
    """A model to try: its networks and its recipe."""

    network: ModelSpec
    recipe: RecipeSpec


def run_trials(
    dataset: DatasetSpec,
    method: Model | Baseline,
    seed: int,
    replicates: Sequence[int],
    report: Report = silent,
    checkpoints: Path | None = None,
) -> list[dict[str, float]]:
    """The metrics of one method on each of some replicates of a data set; see `metrics.evaluate`.

    A model's figures also hold `bound`, its held-out bound in nats a row (mean over members).

    Arguments:
        dataset: The table and its mechanism.
        method: What imputes it.
        seed: Of everything random here, together with the replicate's number.
        replicates: Which replicates. Table and mask are the same for all methods.
        report: See `parallel.run_jobs`.
        checkpoints: See `fit_together`.
    """
    complete, masked = [], []
    for replicate in replicates:
        table = 0 if dataset.source.fixed else replicate
        complete.append(dataset.source.draw(generator(seed, "generate", table)))
        masked.append(apply_mechanism(dataset.mechanism, complete[-1], generator(seed, "mask", replicate)))
    seeds = [torch_seed(seed, "method", replicate) for replicate in replicates]
    if isinstance(method, Model):
        done = _by_model(method, masked, complete, seeds, report, checkpoints)
    else:
        done = [
            (ImputedCells.of(each, method.impute(each, own), list(method.draw(each, own))), {})
            for each, own in zip(masked, seeds, strict=True)
        ]
    return [
        evaluate(cells, before, after, dataset.source.diagnostics) | figures
        for (cells, figures), before, after in zip(done, masked, complete, strict=True)
    ]


def _by_model(
    method: Model,
    masked: Sequence[pd.DataFrame],
    complete: Sequence[pd.DataFrame],
    seeds: Sequence[int],
    report: Report,
    checkpoints: Path | None,
) -> list[tuple[ImputedCells, dict[str, float]]]:
    recipe = method.recipe
    values = [table.to_numpy(dtype=float) for table in masked]
    fits = fit_together(
        [table for table in values for _ in range(recipe.members)],
        tuple(masked[0].columns),
        method.network,
        recipe.missing_process,
        recipe.training,
        [torch_seed(seed, "train", member) for seed in seeds for member in range(recipe.members)],
        report,
        recipe.members,
        checkpoints=checkpoints,
    )
    done = []
    for r, fitted in enumerate(chunks(fits, recipe.members)):
        members = [each.fitted for each in fitted]
        imputed = impute_together(members, values[r], recipe.imputation, torch_seed(seeds[r], "impute"))
        figures = {"bound": sum(each.validation_bound for each in fitted) / len(fitted)}
        figures |= process_metrics(members, masked[r], complete[r])
        done.append((ImputedCells.of(masked[r], imputed.mean, list(imputed.draws)), figures))
    return done
