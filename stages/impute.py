"""Impute a data set, or `all`, with its trained models: means and draws of the missing cells."""

import time
from pathlib import Path

from notmiwae.computing import resolve
from notmiwae.imputation import impute_together
from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.recipe import ImputationSpec, RecipeSpec
from study.data.tables import ImputedCells, find_table, read_table, table_path
from study.run import pipeline
from study.run.jobs import Job, run_cells
from study.run.pipeline import IMPUTED, MASKED, MODELS, cell_folder, replicate_folder
from study.run.resume import fingerprint


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
    chosen, model = pipeline.arguments("dataset", "model")
    device = resolve(pipeline.compute().device)
    work = []
    for name in pipeline.datasets(chosen):
        imputation = pipeline.model_section(RecipeSpec, model, name).imputation
        for r in range(pipeline.replicates(name)):
            random = torch_seed(pipeline.seed(), "impute", name, r)
            models = replicate_folder(cell_folder(MODELS, name, model), r)
            made_from = fingerprint(Path(__file__), random, find_table(MASKED / name, r), models, imputation)
            output = table_path(cell_folder(IMPUTED, name, model), r)
            work.append((Job(name, model, r, random, output, made_from), imputation, device))
    run_cells(impute, work, cell_folder(IMPUTED, chosen, model), f"impute {model}", "impute_seconds")


main()
