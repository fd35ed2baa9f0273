"""Compare imputed with true cells of a data set: of all `methods`, or of the one that is named."""

import pandas as pd

from notmiwae.data.sources import sources
from notmiwae.data.tables import ImputedCells, count_tables, read_table, table_path
from notmiwae.evaluation.metrics import evaluate
from notmiwae.evaluation.replicates import summarise, write_csv
from notmiwae.files import write_json
from notmiwae.params import lookup
from notmiwae.pipeline import COMPLETE, EVALUATED, IMPUTED, MASKED, REPORTS, arguments, cell, entry, params


def figures(name: str, method: str) -> pd.DataFrame:
    source = entry(sources, f"datasets.{name}.source")
    folder = IMPUTED / cell(name, method)
    rows = []
    for replicate in range(count_tables(folder)):
        masked = read_table(MASKED / name, replicate)
        imputed = ImputedCells.read(table_path(folder, replicate))
        found = evaluate(imputed, masked, read_table(COMPLETE / name, replicate), source.diagnostics)
        rows += [(name, method, metric, replicate, value) for metric, value in found.items()]
    return pd.DataFrame(rows, columns=["dataset", "method", "metric", "replicate", "value"])


def main() -> None:
    name, group = arguments("dataset", "methods")
    tables = []
    for method in lookup(params(), "run.methods") if group == "methods" else [group]:
        tables.append(figures(name, method))
        results = summarise(tables[-1])
        means = {row.metric: float(f"{row.mean:.5g}") for row in results.itertuples()}
        rmse = results[results["metric"] == "rmse"].iloc[0]
        spread = {"rmse_se": float(f"{rmse['se']:.3g}"), "replicates": int(rmse["replicates"])}
        write_json(REPORTS / "metrics" / f"{cell(name, method)}.json", means | spread)
    write_csv(pd.concat(tables), EVALUATED / f"{cell(name, group)}.csv")


main()
