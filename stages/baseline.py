"""Impute a data set with a baseline: every replicate, or the one table if nothing is random about it."""

import time
from pathlib import Path

from notmiwae.data.tables import ImputedCells, count_tables, read_table, table_path
from notmiwae.evaluation.replicates import record_seconds
from notmiwae.files import whole_folder
from notmiwae.imputers.baselines import Baseline, baselines
from notmiwae.parallel import Report, run_jobs
from notmiwae.pipeline import IMPUTED, MASKED, REPORTS, arguments, cell, compute, entry, replicates, seed
from notmiwae.randomness import torch_seed


def impute_replicate(
    name: str, baseline: Baseline, replicate: int, random: int, folder: Path, report: Report
) -> float:
    table = read_table(MASKED / name, replicate)
    started = time.perf_counter()
    filled = baseline.impute(table, random)
    seconds = time.perf_counter() - started
    ImputedCells.of(table, filled).write(table_path(folder, replicate))
    return seconds


def main() -> None:
    name, method = arguments("dataset", "baseline")
    baseline = entry(baselines, f"baselines.{method}", name)
    count = count_tables(MASKED / name) if baseline.deterministic else replicates(name)
    with whole_folder(IMPUTED / cell(name, method)) as folder:
        jobs = [
            (name, baseline, r, torch_seed(seed(), method, name, r), folder.resolve()) for r in range(count)
        ]
        seconds = run_jobs(impute_replicate, jobs, compute(), f"impute {name} {method}")
        record_seconds(REPORTS / "timings.csv", name, method, "impute_seconds", seconds)


main()
