"""Compare imputed with true cells of a data set: of all `methods`, or of the one that is named."""

import pandas as pd

from notmiwae.files import write_json
from notmiwae.training.fitted_model import FittedModel
from study.data.sources.source import sources
from study.evaluation.evaluate import evaluate, process_metrics, row_errors
from study.evaluation.replicates import metrics
from study.run.params_file import lookup
from study.run.pipeline import (
    COMPLETE,
    EVALUATED,
    IMPUTED,
    MASKED,
    MODELS,
    REPORTS,
    arguments,
    cell,
    cell_folder,
    entry,
    params,
    replicate_folder,
)
from study.run.saved_fits import mean_bound
from study.run.tables import ImputedCells, count_tables, read_table, table_path, write_csv, write_table


def figures(name: str, method: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    source = entry(sources, f"datasets.{name}.source")
    folder, models = (cell_folder(stage, name, method) for stage in (IMPUTED, MODELS))
    rows, errors = [], []
    for replicate in range(count_tables(folder)):
        masked, complete = read_table(MASKED / name, replicate), read_table(COMPLETE / name, replicate)
        imputed = ImputedCells.read(table_path(folder, replicate))
        found = evaluate(imputed, masked, complete, source.diagnostics)
        if models.is_dir():
            members = replicate_folder(models, replicate)
            found |= process_metrics(FittedModel.load_members(members), masked, complete)
            found["bound"] = mean_bound(members)
        rows += [(name, method, metric, replicate, value) for metric, value in found.items()]
        of_rows = row_errors(imputed, complete)
        errors.append(of_rows.assign(dataset=name, method=method, replicate=replicate))
    columns = ["dataset", "method", "metric", "replicate", "value"]
    return pd.DataFrame(rows, columns=columns), pd.concat(errors)[[*columns[:2], "replicate", *of_rows]]


def main() -> None:
    name, group = arguments("dataset", "methods")
    tables, errors = [], []
    for method in lookup(params(), "run.methods") if group == "methods" else [group]:
        of_replicates, of_rows = figures(name, method)
        tables.append(of_replicates)
        errors.append(of_rows)
        write_json(REPORTS / "metrics" / f"{cell(name, method)}.json", metrics(of_replicates))
    write_csv(pd.concat(tables), EVALUATED / f"{cell(name, group)}.csv")
    write_table(pd.concat(errors), EVALUATED / f"{cell(name, group)}-rows.parquet")


main()
