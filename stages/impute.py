"""Impute a data set, or `all`, with its trained models: means and draws of the missing cells."""

import time
from pathlib import Path

from notmiwae.computing import resolve
from notmiwae.imputation import impute_together
from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.recipe import ImputationSpec, RecipeSpec
from study.run.jobs import Job, run_cells
from study.run.pipeline import (
    IMPUTED,
    MASKED,
    MODELS,
    arguments,
    cell_folder,
    compute,
    datasets,
    model_section,
    replicate_folder,
    replicates,
    seed,
)
from study.run.resume import fingerprint
from study.run.tables import ImputedCells, find_table, read_table, table_path


def impute(job: Job, imputation: ImputationSpec, device: str, report: Report) -> float:
    table = read_table(MASKED / job.dataset, job.replicate)
    models = replicate_folder(cell_folder(MODELS, job.dataset, job.method), job.replicate)
    members = FittedModel.load_members(models)
    started = time.perf_counter()
    imputed = impute_together(
        members, table.to_numpy(dtype=float), imputation, job.seed, report, device=device
    )
    seconds = time.perf_counter() - started
    ImputedCells.of(table, imputed.mean, list(imputed.draws)).write(job.output)
    return seconds


def main() -> None:
    chosen, model = arguments("dataset", "model")
    device = resolve(compute().device)
    work = []
    for name in datasets(chosen):
        imputation = model_section(RecipeSpec, model, name).imputation
        models = cell_folder(MODELS, name, model)
        for r in range(replicates(name)):
            random = torch_seed(seed(), "impute", name, r)
            made_from = fingerprint(
                Path(__file__), random, find_table(MASKED / name, r), replicate_folder(models, r), imputation
            )
            output = table_path(cell_folder(IMPUTED, name, model), r)
            work.append((Job(name, model, r, random, output, made_from), imputation, device))
    run_cells(impute, work, cell_folder(IMPUTED, chosen, model), "impute_seconds", f"impute {model}")


main()
