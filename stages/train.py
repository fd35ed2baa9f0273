"""Train a model on every replicate of a data set, or of `all`; save the models and their training curves."""

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from notmiwae.cells import Job, run_cells, together
from notmiwae.data.tables import find_table, read_table
from notmiwae.evaluation.replicates import write_csv, write_curves
from notmiwae.files import whole_folder
from notmiwae.inference.recipe import Recipe
from notmiwae.inference.training import fit_together
from notmiwae.model.latent import ModelSpec
from notmiwae.parallel import Report
from notmiwae.pipeline import (
    MASKED,
    MODELS,
    REPORTS,
    arguments,
    cell_folder,
    datasets,
    model_section,
    replicate_folder,
    replicates,
    section,
    seed,
)
from notmiwae.randomness import torch_seed
from notmiwae.resume import fingerprint


def train(jobs: Sequence[Job], network: ModelSpec, recipe: Recipe, report: Report) -> float:
    tables = [read_table(MASKED / job.dataset, job.replicate) for job in jobs]
    values, columns = [table.to_numpy(dtype=float) for table in tables], tuple(tables[0].columns)
    seeds = [job.seed for job in jobs]
    started = time.perf_counter()
    fits = fit_together(values, columns, network, recipe.missing_process, recipe.training, seeds, report)
    seconds = (time.perf_counter() - started) / len(jobs)
    for job, trained in zip(jobs, fits, strict=True):
        with whole_folder(job.output) as folder:
            trained.fitted.save(folder)
            write_csv(pd.DataFrame(trained.curve), folder / "curve.csv")
    return seconds


def main() -> None:
    chosen, model = arguments("dataset", "model")
    work, curves = [], {}
    for name in datasets(chosen):
        recipe = model_section(Recipe, model, name)
        network = section(ModelSpec, f"networks.{recipe.network or name}")
        parts, jobs = list(itertools.product(range(replicates(name)), range(recipe.members))), []
        for r, m in parts:
            output = replicate_folder(cell_folder(MODELS, name, model), r) / f"{m:02d}"
            random = torch_seed(seed(), "train", name, r, m)
            specs = (network, recipe.missing_process, recipe.training)
            made_from = fingerprint(Path(__file__), random, find_table(MASKED / name, r), *specs)
            jobs.append(Job(name, model, r, random, output, made_from))
        work += [(each, network, recipe) for each in together(jobs, recipe.training.together)]
        curves[name] = [(*part, job.output / "curve.csv") for part, job in zip(parts, jobs, strict=True)]
    run_cells(train, work, cell_folder(MODELS, chosen, model), "fit_seconds", f"train {model}")
    for name, files in curves.items():
        write_curves(files, REPORTS / "curves" / model / f"{name}.csv")


main()
