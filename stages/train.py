"""Train a model on every replicate of a data set, or of `all`; save the models and their training curves."""

import itertools
import time
from pathlib import Path

import pandas as pd

from notmiwae.cells import Job, run_cells
from notmiwae.data.tables import find_table, read_table
from notmiwae.evaluation.replicates import write_csv
from notmiwae.files import whole_folder
from notmiwae.inference.recipe import Recipe
from notmiwae.inference.training import fit
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


def train(job: Job, network: ModelSpec, recipe: Recipe, report: Report) -> float:
    table = read_table(MASKED / job.dataset, job.replicate)
    values, columns = table.to_numpy(dtype=float), tuple(table.columns)
    started = time.perf_counter()
    trained = fit(values, columns, network, recipe.missing_process, recipe.training, job.seed, report)
    seconds = time.perf_counter() - started
    with whole_folder(job.output) as folder:
        trained.fitted.save(folder)
        write_csv(pd.DataFrame(trained.curve), folder / "curve.csv")
    return seconds


def main() -> None:
    chosen, model = arguments("dataset", "model")
    work = []
    for name in datasets(chosen):
        recipe = model_section(Recipe, model, name)
        network = section(ModelSpec, f"networks.{recipe.network or name}")
        for r, m in itertools.product(range(replicates(name)), range(recipe.members)):
            output = replicate_folder(cell_folder(MODELS, name, model), r) / f"{m:02d}"
            random = torch_seed(seed(), "train", name, r, m)
            made_from = fingerprint(
                Path(__file__),
                random,
                find_table(MASKED / name, r),
                network,
                recipe.missing_process,
                recipe.training,
            )
            work.append((Job(name, model, r, random, output, made_from), network, recipe))
    run_cells(train, work, cell_folder(MODELS, chosen, model), "fit_seconds", f"train {model}")
    for name in datasets(chosen):
        save_curves(name, model, [job for job, *_ in work if job.dataset == name])


def save_curves(name: str, model: str, jobs: list[Job]) -> None:
    curves = []
    for job in jobs:
        curve = pd.read_csv(job.output / "curve.csv")
        curve.insert(0, "replicate", job.replicate)
        curve.insert(1, "member", int(job.output.name))
        curves.append(curve)
    write_csv(pd.concat(curves), REPORTS / "curves" / model / f"{name}.csv")


main()
