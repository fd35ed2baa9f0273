"""Run a side study beside the grid (`study.evaluation.side_studies`) and save the metrics of its cells."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from notmiwae.files import write_json
from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from study.data.tables import write_csv
from study.evaluation.from_scratch import evaluate_from_scratch
from study.evaluation.replicates import summarise
from study.evaluation.side_studies import SideCell, side_study
from study.run.jobs import Job, checkpoints, run_cells, together
from study.run.pipeline import REPORTS, SIDE_STUDIES, arguments, seed
from study.run.resume import fingerprint, modules


def run(jobs: Sequence[Job], cell: SideCell, report: Report) -> float:
    started = time.perf_counter()
    replicates = [job.replicate for job in jobs]
    specs = (cell.table, cell.method, jobs[0].seed, replicates)
    for job, metrics in zip(jobs, evaluate_from_scratch(*specs, report, checkpoints(jobs)), strict=True):
        write_json(job.output, metrics)
    return (time.perf_counter() - started) / len(jobs)


def main() -> None:
    (name,) = arguments("study")
    study = side_study(name)
    code = fingerprint(Path(__file__), *modules("study/evaluation"))
    work = []
    for cell in study.cells():
        # The same seed for all settings and methods of a data set: what differs is what is studied.
        random = torch_seed(seed(), name, cell.dataset)
        made_from = fingerprint(code, random, cell.table.source, cell.table.mechanism, cell.method)
        folder = SIDE_STUDIES / name / cell.label / cell.setting / cell.dataset
        jobs = [
            Job(cell.dataset, cell.label, r, random, folder / f"{r:03d}.json", made_from)
            for r in range(study.replicates)
        ]
        work += [(group, cell) for group in together(jobs, cell.together)]
    run_cells(run, work, SIDE_STUDIES / name, name, f"{name}_seconds")
    rows = [
        (cell.dataset, cell.setting, cell.label, metric, job.replicate, value)
        for jobs, cell in work
        for job in jobs
        for metric, value in json.loads(job.output.read_text(encoding="utf-8")).items()
    ]
    replicates = pd.DataFrame(rows, columns=["dataset", "setting", "method", "metric", "replicate", "value"])
    write_csv(replicates, REPORTS / f"{name}-replicates.csv")
    write_csv(summarise(replicates), REPORTS / f"{name}.csv")


main()
