"""A cell of the grid on disk, evaluated: all replicates of a data set as one method imputed them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from notmiwae.files import whole_folder, write_json
from notmiwae.training.fitted_model import FittedModel
from study.data.saved_fits import mean_bound
from study.data.sources.source import Source
from study.data.tables import (
    ImputedCells,
    as_numbers,
    categories,
    count_tables,
    has_kinds,
    read_stored,
    read_table,
    table_path,
    write_csv,
    write_table,
)
from study.evaluation.evaluate import category_metrics, evaluate, process_metrics, row_errors
from study.evaluation.replicates import (
    ERROR_COLUMNS,
    METRICS,
    REPLICATE_COLUMNS,
    REPLICATES,
    ROWS,
    metrics,
)
from study.run.pipeline import COMPLETE, IMPUTED, MASKED, MODELS, cell_folder, replicate_folder


def made_from(dataset: str, method: str, trained: bool) -> Sequence[Path]:
    """List the folders that a cell's evaluation reads; `trained` says whether the method is a model."""
    stages = (IMPUTED, MODELS) if trained else (IMPUTED,)
    return [COMPLETE / dataset, MASKED / dataset, *(cell_folder(stage, dataset, method) for stage in stages)]


def evaluate_cell(dataset: str, method: str, source: Source, trained: bool, output: Path) -> None:
    """Write the metrics of a cell into the folder `output`, whole or not at all.

    Arguments:
        dataset: Name of the data set.
        method: Name of the method.
        source: Source of the data set's complete tables.
        trained: Whether the method is a model, whose learnt process and held-out ELBO are metrics too.
        output: Folder to write.

    Raises:
        DataError: a file is absent, or isn't what its stage writes.
    """
    imputed, models = (cell_folder(stage, dataset, method) for stage in (IMPUTED, MODELS))
    values, errors = [], []
    for replicate in range(count_tables(imputed)):
        stored, complete = read_stored(MASKED / dataset, replicate), read_table(COMPLETE / dataset, replicate)
        masked, words = as_numbers(stored), categories(stored)
        cells = ImputedCells.read(table_path(imputed, replicate))
        numbers = [place for place, name in enumerate(masked) if name not in words]
        tables = (masked.iloc[:, numbers], complete.iloc[:, numbers])
        of_numbers = cells.within(numbers)
        if has_kinds(stored):
            # Columns of one's own are of different units: errors are in standard deviations of what was seen.
            units = tables[0].std(ddof=0).replace(0.0, 1.0)
            tables, of_numbers = (tables[0] / units, tables[1] / units), of_numbers.divided(units.to_numpy())
        measured = evaluate(of_numbers, *tables, source.diagnostics) | category_metrics(
            cells, complete, words
        )
        if trained:
            members = replicate_folder(models, replicate)
            measured |= process_metrics(FittedModel.load_members(members), masked, complete)
            measured["bound"] = mean_bound(members)
        values += [(dataset, method, metric, replicate, value) for metric, value in measured.items()]
        by_row = row_errors(of_numbers, tables[1])
        errors.append(by_row.assign(dataset=dataset, method=method, replicate=replicate))
    replicates = pd.DataFrame(values, columns=REPLICATE_COLUMNS)
    with whole_folder(output) as folder:
        write_csv(replicates, folder / REPLICATES)
        write_table(pd.concat(errors)[ERROR_COLUMNS], folder / ROWS)
        write_json(folder / METRICS, metrics(replicates))
