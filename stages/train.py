"""Train a model on every replicate of a data set; save the models and their training curves."""

import time
from dataclasses import astuple, fields
from pathlib import Path

import pandas as pd

from notmiwae.data.tables import read_table
from notmiwae.evaluation.replicates import record_seconds, write_csv
from notmiwae.files import whole_folder
from notmiwae.inference.recipe import Recipe
from notmiwae.inference.training import CurvePoint, fit
from notmiwae.model.latent import ModelSpec
from notmiwae.parallel import Report, run_jobs
from notmiwae.pipeline import (
    MASKED,
    MODELS,
    REPORTS,
    arguments,
    cell,
    compute,
    replicate_path,
    replicates,
    section,
    seed,
)
from notmiwae.randomness import torch_seed


def train(
    name: str, network: ModelSpec, recipe: Recipe, replicate: int, random: int, folder: Path, report: Report
) -> tuple[list[CurvePoint], float]:
    table = read_table(MASKED / name, replicate)
    started = time.perf_counter()
    trained = fit(
        table.to_numpy(dtype=float),
        tuple(table.columns),
        network,
        recipe.missing_process,
        recipe.training,
        random,
        report,
    )
    seconds = time.perf_counter() - started
    folder.mkdir(parents=True)
    trained.fitted.save(folder)
    return trained.curve, seconds


def main() -> None:
    name, model = arguments("dataset", "model")
    network = section(ModelSpec, f"networks.{name}")
    recipe = section(Recipe, f"models.{model}.{name}", common="training")
    fits = [(replicate, member) for replicate in range(replicates(name)) for member in range(recipe.members)]
    with whole_folder(MODELS / cell(name, model)) as folder:
        jobs = [
            (name, network, recipe, r, torch_seed(seed(), "train", name, r, m), replicate_path(folder, r, m))
            for r, m in fits
        ]
        curves, seconds = zip(*run_jobs(train, jobs, compute(), f"train {name} {model}"), strict=True)
    rows = [(*fit, *astuple(point)) for fit, curve in zip(fits, curves, strict=True) for point in curve]
    columns = ["replicate", "member", *(field.name for field in fields(CurvePoint))]
    write_csv(pd.DataFrame(rows, columns=columns), REPORTS / "curves" / f"{cell(name, model)}.csv")
    record_seconds(REPORTS / "timings.csv", name, model, "fit_seconds", seconds)


main()
