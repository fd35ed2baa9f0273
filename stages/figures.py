"""Draw a data set's first replicate: what was missing, what the models made of it."""

from notmiwae.files import whole_folder
from notmiwae.training.fitted_model import FittedModel
from study.data.datasets import DatasetSpec
from study.evaluation.oracle import oracle
from study.reporting.dataset_figures import Replicate, draw_figures
from study.reporting.result_files import GridSpec
from study.run.pipeline import (
    COMPLETE,
    IMPUTED,
    MASKED,
    MODELS,
    REPORTS,
    arguments,
    cell_folder,
    replicate_folder,
    section,
)
from study.run.tables import ImputedCells, count_tables, read_table, table_path


def imputed(name: str, model: str) -> ImputedCells:
    folder = cell_folder(IMPUTED, name, model)
    count_tables(folder)  # with an error that names the folder
    return ImputedCells.read(table_path(folder, 0))


def main() -> None:
    (name,) = arguments("dataset")
    dataset = section(DatasetSpec, f"datasets.{name}")
    grid = section(GridSpec, "run")
    complete, masked = read_table(COMPLETE / name, 0), read_table(MASKED / name, 0)
    replicate = Replicate(
        dataset,
        complete,
        masked,
        oracle(dataset, complete, masked) if name in grid.oracles else None,
        {model: imputed(name, model) for model in grid.models},
        {method: imputed(name, method) for method in grid.baselines},
        {
            model: FittedModel.load_members(replicate_folder(cell_folder(MODELS, name, model), 0))
            for model in grid.models
        },
    )
    with whole_folder(REPORTS / "figures" / name) as folder:
        draw_figures(replicate, folder)


main()
