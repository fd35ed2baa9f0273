"""Compare the imputed cells of a data set and method with the truth."""

import pandas as pd

from notmiwae.data.sources import sources
from notmiwae.data.tables import ImputedCells, count_tables, read_table, table_path
from notmiwae.evaluation.metrics import evaluate
from notmiwae.evaluation.replicates import summarise, write_csv
from notmiwae.files import write_json
from notmiwae.pipeline import COMPLETE, EVALUATED, IMPUTED, MASKED, REPORTS, arguments, cell, entry


def main() -> None:
    name, method = arguments("dataset", "method")
    source = entry(sources, f"datasets.{name}.source")
    rows = []
    folder = IMPUTED / cell(name, method)
    for replicate in range(count_tables(folder)):
        masked = read_table(MASKED / name, replicate)
        imputed = ImputedCells.read(table_path(folder, replicate))
        figures = evaluate(imputed, masked, read_table(COMPLETE / name, replicate), source.diagnostics)
        rows += [(name, method, metric, replicate, value) for metric, value in figures.items()]
    replicates = pd.DataFrame(rows, columns=["dataset", "method", "metric", "replicate", "value"])
    write_csv(replicates, EVALUATED / f"{cell(name, method)}.csv")
    results = summarise(replicates)
    means = {row.metric: float(f"{row.mean:.5g}") for row in results.itertuples()}
    rmse = results[results["metric"] == "rmse"].iloc[0]
    spread = {"rmse_se": float(f"{rmse['se']:.3g}"), "replicates": int(rmse["replicates"])}
    write_json(REPORTS / "metrics" / f"{cell(name, method)}.json", means | spread)


main()
