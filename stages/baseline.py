"""Impute a data set, or `all`, with a baseline: every replicate, or the one table if nothing is random."""

import time
from pathlib import Path

from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from study.baselines.baseline import Baseline, baselines
from study.baselines.encoding import Encoding
from study.data.tables import (
    ImputedCells,
    as_numbers,
    categories,
    count_tables,
    find_table,
    has_kinds,
    read_stored,
    table_path,
)
from study.run.jobs import Job, run_cells
from study.run.pipeline import IMPUTED, MASKED, arguments, cell_folder, datasets, entry, replicates, seed
from study.run.resume import fingerprint


def impute(job: Job, baseline: Baseline, report: Report) -> float:
    stored = read_stored(MASKED / job.dataset, job.replicate)
    table = as_numbers(stored)
    # Columns of one's own are of different units and kinds.
    codes = {name: len(words) for name, words in categories(stored).items()}
    encoding = Encoding.of(table, codes) if has_kinds(stored) else None
    encoded = encoding.encode(table) if encoding else table
    started = time.perf_counter()
    filled = baseline.impute(encoded, job.seed)
    seconds = time.perf_counter() - started
    draws = list(baseline.draw(encoded, job.seed))
    if encoding:
        filled, *draws = [encoding.decode(each, table) for each in (filled, *draws)]
    ImputedCells.of(table, filled, draws).write(job.output)
    return seconds


def main() -> None:
    chosen, method = arguments("dataset", "baseline")
    work = []
    for name in datasets(chosen):
        baseline = entry(baselines, f"baselines.{method}", name)
        count = count_tables(MASKED / name) if baseline.deterministic else replicates(name)
        for r in range(count):
            random = torch_seed(seed(), method, name, r)
            output = table_path(cell_folder(IMPUTED, name, method), r)
            made_from = fingerprint(Path(__file__), random, find_table(MASKED / name, r), baseline)
            work.append((Job(name, method, r, random, output, made_from), baseline))
    run_cells(impute, work, cell_folder(IMPUTED, chosen, method), f"impute {method}", "impute_seconds")


main()
