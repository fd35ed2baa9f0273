"""A table masked, imputed and evaluated in one go, where neither the model nor its draws are kept."""

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
from study.data.tables import ImputedCells
from study.evaluation.evaluate import evaluate, process_metrics


class Model(Spec):
    """A model to try.

    Attributes:
        network: Encoder, decoder and observation model.
        recipe: Missing process, training and imputation.
    """

    network: ModelSpec
    recipe: RecipeSpec


def evaluate_from_scratch(
    dataset: DatasetSpec,
    method: Model | Baseline,
    seed: int,
    replicates: Sequence[int],
    report: Report = silent,
    checkpoints: Path | None = None,
) -> list[dict[str, float]]:
    """Return the metrics of one method on each of some replicates of a data set; see `evaluate`.

    Those of a model also hold `bound`, its held-out ELBO in nats a row (mean over members).

    Arguments:
        dataset: The table and its mechanism.
        method: The model or baseline that imputes it.
        seed: Seed of everything random here, together with the replicate's number.
        replicates: Numbers of the replicates. Table and mask are the same for all methods.
        report: Called with step, steps, mean held-out ELBO of a model's training.
        checkpoints: A folder for the state of the training; see `fit_together`.
    """
    complete, masked = [], []
    for replicate in replicates:
        table = 0 if dataset.source.fixed else replicate
        complete.append(dataset.source.draw(generator(seed, "generate", table)))
        masked.append(apply_mechanism(dataset.mechanism, complete[-1], generator(seed, "mask", replicate)))
    seeds = [torch_seed(seed, "method", replicate) for replicate in replicates]
    if isinstance(method, Model):
        imputed = _by_model(method, masked, complete, seeds, report, checkpoints)
    else:
        imputed = [
            (ImputedCells.of(table, method.impute(table, own), list(method.draw(table, own))), {})
            for table, own in zip(masked, seeds, strict=True)
        ]
    return [
        evaluate(cells, before, after, dataset.source.diagnostics) | own_metrics
        for (cells, own_metrics), before, after in zip(imputed, masked, complete, strict=True)
    ]


def _by_model(
    method: Model,
    masked: Sequence[pd.DataFrame],
    complete: Sequence[pd.DataFrame],
    seeds: Sequence[int],
    report: Report,
    checkpoints: Path | None,
) -> list[tuple[ImputedCells, dict[str, float]]]:
    """Return the imputed cells of each replicate, and the metrics that only models have."""
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
    imputed = []
    for r, fitted in enumerate(chunks(fits, recipe.members)):
        members = [fit.fitted for fit in fitted]
        completed = impute_together(members, values[r], recipe.imputation, torch_seed(seeds[r], "impute"))
        own_metrics = {"bound": sum(fit.validation_bound for fit in fitted) / len(fitted)}
        own_metrics |= process_metrics(members, masked[r], complete[r])
        imputed.append((ImputedCells.of(masked[r], completed.mean, list(completed.draws)), own_metrics))
    return imputed
