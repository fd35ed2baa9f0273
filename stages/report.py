"""Gather every cell's metrics: the tidy results, the headline table, and the figures that span data sets."""

from notmiwae.files import whole_file, write_json
from notmiwae.plot_style import save
from study.data.tables import write_csv
from study.evaluation.replicates import summarise
from study.reporting.environment import environment
from study.reporting.headline_figure import errors
from study.reporting.headline_tables import NO_TRUTH, agreement_table, by_truth, calibration_tables, tables
from study.reporting.result_files import CURVE_COLUMNS, PUBLISHED_COLUMNS, read_replicates, read_rows
from study.reporting.sentence_figure import sentence_figure
from study.reporting.training_curves import NO_CURVES, bounds
from study.run import pipeline
from study.run.pipeline import REPORTS


def main() -> None:
    pipeline.arguments()
    grid = pipeline.grid()
    published = read_rows(REPORTS / "published.csv", PUBLISHED_COLUMNS)
    replicates = read_replicates(grid.cells())
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
    rmse = errors(results, published, judged) if judged else sentence_figure(NO_TRUTH)
    save(rmse, REPORTS / "figures" / "rmse.png")
    trained = bounds(curves, grid.datasets) if curves else sentence_figure(NO_CURVES)
    save(trained, REPORTS / "figures" / "curves.png")


main()
