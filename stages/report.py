"""Gather every cell's figures: the tidy results, the headline table, and the figures that span data sets."""

import pandas as pd

from notmiwae.files import whole_file, write_json
from notmiwae.plot_style import save
from study.evaluation.replicates import summarise
from study.reporting.environment import environment
from study.reporting.headline_figure import errors
from study.reporting.headline_tables import agreement_table, by_truth, calibration_tables, tables
from study.reporting.result_files import (
    CURVE_COLUMNS,
    PUBLISHED_COLUMNS,
    REPLICATE_COLUMNS,
    GridSpec,
    read_rows,
)
from study.reporting.training_curves import bounds
from study.run.pipeline import EVALUATED, REPORTS, arguments, cell, section
from study.run.tables import write_csv


def main() -> None:
    arguments()
    grid = section(GridSpec, "run")
    published = read_rows(REPORTS / "published.csv", PUBLISHED_COLUMNS)
    replicates = pd.concat(
        [read_rows(EVALUATED / f"{cell(*group)}.csv", REPLICATE_COLUMNS) for group in grid.groups()],
        ignore_index=True,
    )
    results = summarise(replicates)
    curves = {
        (dataset, model): read_rows(REPORTS / "curves" / model / f"{dataset}.csv", CURVE_COLUMNS)
        for dataset in grid.datasets
        for model in grid.models
    }
    write_csv(replicates, REPORTS / "replicates.csv")
    write_csv(results, REPORTS / "results.csv")
    write_json(REPORTS / "environment.json", environment())
    judged, _ = by_truth(results, grid.datasets)
    texts = {
        "table.md": tables(results, published, grid.datasets),
        "calibration.md": calibration_tables(results, judged),
    }
    if len(published):
        texts["agreement.md"] = agreement_table(replicates, published)
    for name, text in texts.items():
        with whole_file(REPORTS / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    save(errors(results, published, judged), REPORTS / "figures" / "rmse.png")
    save(bounds(curves, grid.datasets), REPORTS / "figures" / "curves.png")


main()
