"""Draw a data set's first replicate: what was missing, what the methods made of it."""

from importlib.metadata import version
from pathlib import Path

from notmiwae.files import whole_folder
from notmiwae.progress import Report
from notmiwae.training.fitted_model import FittedModel
from study.data.datasets import DatasetSpec
from study.data.tables import ImputedCells, find_table, read_stored, read_table, table_path
from study.evaluation.oracle import oracle
from study.reporting.dataset_figures import Replicate, draw_figures
from study.run import pipeline
from study.run.grid import GridSpec
from study.run.jobs import Job, run_cells
from study.run.pipeline import COMPLETE, IMPUTED, MASKED, MODELS, REPORTS, cell_folder, replicate_folder
from study.run.resume import fingerprint, modules


def draw(job: Job, dataset: DatasetSpec, grid: GridSpec, report: Report) -> None:
    name = job.dataset
    complete, masked = read_table(COMPLETE / name, 0), read_stored(MASKED / name, 0)
    replicate = Replicate(
        dataset,
        complete,
        masked,
        oracle(dataset, complete, masked) if name in grid.oracles else None,
        {model: ImputedCells.read(imputed(name, model)) for model in grid.trained},
        {baseline: ImputedCells.read(imputed(name, baseline)) for baseline in grid.baselines},
        {model: FittedModel.load_members(models(name, model)) for model in grid.trained},
    )
    with whole_folder(job.output) as folder:
        draw_figures(replicate, folder)


def imputed(name: str, method: str) -> Path:
    return table_path(cell_folder(IMPUTED, name, method), 0)


def models(name: str, model: str) -> Path:
    return replicate_folder(cell_folder(MODELS, name, model), 0)


def main() -> None:
    (name,) = pipeline.arguments("dataset")
    dataset, grid = pipeline.section(DatasetSpec, f"datasets.{name}"), pipeline.grid()
    made_from = fingerprint(
        *(Path(__file__), *modules("study/evaluation", "study/reporting")),
        *(f"{package} {version(package)}" for package in ("matplotlib", "pillow")),
        *(dataset, ",".join(grid.trained), name in grid.oracles),
        *(find_table(stage / name, 0) for stage in (COMPLETE, MASKED)),
        *(part for method in grid.methods for part in (method, imputed(name, method))),
        *(models(name, model) for model in grid.trained),
    )
    job = Job(name, "all", 0, 0, REPORTS / "figures" / name, made_from)
    run_cells(draw, [(job, dataset, grid)], job.output, f"figures {name}")


main()
