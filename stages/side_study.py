"""Run a study beside the main grid (see `evaluation.studies`) and save the figures of its trials."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from notmiwae.files import write_json
from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from study.evaluation.replicates import summarise
from study.evaluation.side_studies import Trial, study
from study.evaluation.side_study_cases import run_trials
from study.run.jobs import Job, checkpoints, run_cells, together
from study.run.pipeline import REPORTS, TRIALS, arguments, seed
from study.run.resume import fingerprint
from study.run.tables import write_csv


def run(jobs: Sequence[Job], trial: Trial, report: Report) -> float:
    started = time.perf_counter()
    replicates = [job.replicate for job in jobs]
    specs = (trial.table, trial.method, jobs[0].seed, replicates)
    for job, figures in zip(jobs, run_trials(*specs, report, checkpoints(jobs)), strict=True):
        write_json(job.output, figures)
    return (time.perf_counter() - started) / len(jobs)


def main() -> None:
    (name,) = arguments("study")
    asked = study(name)
    work = []
    for trial in asked.trials():
        # The same seed for all settings and methods of a data set: what differs is what is studied.
        random = torch_seed(seed(), name, trial.dataset)
        made_from = fingerprint(
            Path(__file__), random, trial.table.source, trial.table.mechanism, trial.method
        )
        folder = TRIALS / name / trial.label / trial.setting / trial.dataset
        jobs = [
            Job(trial.dataset, trial.label, r, random, folder / f"{r:03d}.json", made_from)
            for r in range(asked.replicates)
        ]
        work += [(each, trial) for each in together(jobs, trial.together)]
    run_cells(run, work, TRIALS / name, f"{name}_seconds", name)
    rows = [
        (trial.dataset, trial.setting, trial.label, metric, job.replicate, value)
        for jobs, trial in work
        for job in jobs
        for metric, value in json.loads(job.output.read_text(encoding="utf-8")).items()
    ]
    replicates = pd.DataFrame(rows, columns=["dataset", "setting", "method", "metric", "replicate", "value"])
    write_csv(replicates, REPORTS / f"{name}-replicates.csv")
    write_csv(summarise(replicates), REPORTS / f"{name}.csv")


main()
