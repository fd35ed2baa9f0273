"""Compare imputed with true values: each data set of the grid with each method, and with the oracle."""

import shutil
from pathlib import Path

from notmiwae.files import whole_folder
from notmiwae.progress import Report
from study.data.sources.source import Source, sources
from study.evaluation.cells import evaluate_cell, made_from
from study.evaluation.replicates import METRICS
from study.run.jobs import Job, run_cells
from study.run.pipeline import EVALUATED, REPORTS, arguments, cell, cell_folder, entry, grid
from study.run.resume import fingerprint, modules


def evaluate(job: Job, source: Source, trained: bool, report: Report) -> None:
    evaluate_cell(job.dataset, job.method, source, trained, job.output)


def main() -> None:
    arguments()
    code = fingerprint(Path(__file__), *modules("study/evaluation"))
    work = []
    for name, method in grid().cells():
        source = entry(sources, f"datasets.{name}.source")
        trained = method in grid().trained
        inputs = fingerprint(code, source, *made_from(name, method, trained))
        work.append((Job(name, method, 0, 0, cell_folder(EVALUATED, name, method), inputs), source, trained))
    run_cells(evaluate, work, EVALUATED, "evaluate")
    with whole_folder(REPORTS / "metrics") as folder:
        for job, *_ in work:
            shutil.copyfile(job.output / METRICS, folder / f"{cell(job.dataset, job.method)}.json")


main()
