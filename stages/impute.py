"""Impute every replicate of a data set with its trained model: means and draws of the missing cells."""

import time
from pathlib import Path

from notmiwae.data.tables import ImputedCells, read_table, table_path
from notmiwae.evaluation.replicates import record_seconds
from notmiwae.files import whole_folder
from notmiwae.inference.fitted import FittedModel
from notmiwae.inference.imputation import ImputationSpec, impute_together
from notmiwae.inference.recipe import Recipe
from notmiwae.parallel import Report, run_jobs
from notmiwae.pipeline import (
    IMPUTED,
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


def impute_replicate(
    name: str,
    model: str,
    imputation: ImputationSpec,
    replicate: int,
    random: int,
    folder: Path,
    report: Report,
) -> float:
    table = read_table(MASKED / name, replicate)
    members = FittedModel.load_members(replicate_path(MODELS / cell(name, model), replicate))
    started = time.perf_counter()
    imputed = impute_together(members, table.to_numpy(dtype=float), imputation, random, report)
    seconds = time.perf_counter() - started
    ImputedCells.of(table, imputed.mean, list(imputed.draws)).write(table_path(folder, replicate))
    return seconds


def main() -> None:
    name, model = arguments("dataset", "model")
    imputation = section(Recipe, f"models.{model}.{name}", common="training").imputation
    with whole_folder(IMPUTED / cell(name, model)) as folder:
        jobs = [
            (name, model, imputation, r, torch_seed(seed(), "impute", name, r), folder.resolve())
            for r in range(replicates(name))
        ]
        seconds = run_jobs(impute_replicate, jobs, compute(), f"impute {name} {model}")
        record_seconds(REPORTS / "timings.csv", name, model, "impute_seconds", seconds)


main()
