"""Train a model on every replicate of a data set, or of `all`; save the models and their training curves."""

import time
from collections.abc import Sequence
from pathlib import Path

from notmiwae.computing import resolve
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from notmiwae.training.fit import fit_together
from notmiwae.training.recipe import RecipeSpec
from study.data.saved_fits import save_fit, write_curves
from study.data.tables import find_table, read_table
from study.run import pipeline
from study.run.jobs import Job, checkpoints, run_cells, together
from study.run.pipeline import MASKED, MODELS, REPORTS, cell_folder
from study.run.resume import fingerprint


def train(jobs: Sequence[Job], network: ModelSpec, recipe: RecipeSpec, device: str, report: Report) -> float:
    tables = [read_table(MASKED / job.dataset, job.replicate) for job in jobs]
    values, seeds = [table.to_numpy(dtype=float) for table in tables], [job.seed for job in jobs]
    specs = (tuple(tables[0].columns), network, recipe.missing_process, recipe.training)
    started = time.perf_counter()
    fits = fit_together(values, *specs, seeds, report, recipe.members, device, checkpoints(jobs))
    seconds = (time.perf_counter() - started) / len(jobs)
    for job, trained in zip(jobs, fits, strict=True):
        save_fit(trained, job.output)
    return seconds


def main() -> None:
    chosen, model = pipeline.arguments("dataset", "model")
    device = resolve(pipeline.compute().device)
    work, curves = [], {}
    for name in pipeline.datasets(chosen):
        recipe = pipeline.model_section(RecipeSpec, model, name)
        network = pipeline.section(ModelSpec, f"networks.{recipe.network or name}")
        jobs = []
        for r, m in ((r, m) for r in range(pipeline.replicates(name)) for m in range(recipe.members)):
            output = pipeline.replicate_folder(cell_folder(MODELS, name, model), r) / f"{m:02d}"
            random = torch_seed(pipeline.seed(), "train", name, r, m)
            specs = (network, recipe.missing_process, recipe.training)
            made_from = fingerprint(Path(__file__), random, find_table(MASKED / name, r), *specs)
            jobs.append(Job(name, model, r, random, output, made_from))
        groups = together(jobs, recipe.replicates_together * recipe.members)
        work += [(group, network, recipe, device) for group in groups]
        curves[name] = [(job.replicate, n % recipe.members, job.output) for n, job in enumerate(jobs)]
    run_cells(train, work, cell_folder(MODELS, chosen, model), f"train {model}", "fit_seconds")
    for name, parts in curves.items():
        write_curves(parts, REPORTS / "curves" / model / f"{name}.csv")


main()
