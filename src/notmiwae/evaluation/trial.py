"""Trials: a table masked, imputed and evaluated in one go, for studies that keep no model and no draws."""

from __future__ import annotations

import pandas as pd

from notmiwae.data.datasets import DatasetSpec
from notmiwae.data.mechanisms import apply_mechanism
from notmiwae.data.tables import ImputedCells
from notmiwae.evaluation.metrics import evaluate, process_metrics
from notmiwae.imputers.base import Baseline
from notmiwae.inference.imputation import impute_together
from notmiwae.inference.recipe import Recipe
from notmiwae.inference.training import fit
from notmiwae.model.latent import ModelSpec
from notmiwae.parallel import Report, silent
from notmiwae.params import Spec
from notmiwae.randomness import generator, torch_seed


class Model(Spec):
    """A model to try: its networks and its recipe."""

    network: ModelSpec
    recipe: Recipe


def run_trial(
    dataset: DatasetSpec, method: Model | Baseline, seed: int, replicate: int, report: Report = silent
) -> dict[str, float]:
    """The metrics of one method on one replicate of a data set; see `metrics.evaluate`.

    A model's figures also hold `bound`, its held-out bound in nats a row (mean over members).

    Arguments:
        dataset: The table and its mechanism.
        method: What imputes it.
        seed: Of everything random here, together with the replicate's number.
        replicate: Which replicate. Table and mask are the same for all methods.
        report: See `parallel.run_jobs`.
    """
    table = 0 if dataset.source.fixed else replicate
    complete = dataset.source.draw(generator(seed, "generate", table))
    masked = apply_mechanism(dataset.mechanism, complete, generator(seed, "mask", replicate))
    own = torch_seed(seed, "method", replicate)
    figures: dict[str, float] = {}
    if isinstance(method, Model):
        cells, figures = _by_model(method, masked, complete, own, report)
    else:
        cells = ImputedCells.of(masked, method.impute(masked, own), list(method.draw(masked, own)))
    return evaluate(cells, masked, complete, dataset.source.diagnostics) | figures


def _by_model(
    method: Model, masked: pd.DataFrame, complete: pd.DataFrame, seed: int, report: Report
) -> tuple[ImputedCells, dict[str, float]]:
    recipe, values = method.recipe, masked.to_numpy(dtype=float)
    fits = [
        fit(
            values,
            tuple(masked.columns),
            method.network,
            recipe.missing_process,
            recipe.training,
            torch_seed(seed, "train", member),
            report,
        )
        for member in range(recipe.members)
    ]
    members = [each.fitted for each in fits]
    imputed = impute_together(members, values, recipe.imputation, torch_seed(seed, "impute"))
    figures = {"bound": sum(each.validation_bound for each in fits) / len(fits)}
    figures |= process_metrics(members, masked, complete)
    return ImputedCells.of(masked, imputed.mean, list(imputed.draws)), figures
