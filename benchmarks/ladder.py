"""(i) Error against seconds on the ladder: this package's imputer as users call it, and the usual ones.

    cd ladder && dvc repro tables && cd ..
    python benchmarks/ladder.py

The first replicate of each table of numbers that loses values at random, and of each that loses its lowest
ones. Methods and their settings are those of ladder/params.yaml; seconds are of all that is imputed there,
draws too, on one thread, in one run.
"""

import os
import warnings
from statistics import fmean, geometric_mean

from common import ROOT, SEED, plain, seconds, write
from matplotlib.figure import Figure

from notmiwae.plot_style import SERIES, figure, styled
from study.ladder.imputers import Imputer, imputers
from study.ladder.ladder_cells import cells
from study.ladder.ladder_estimator import LadderEstimator
from study.ladder.measure import measure
from study.ladder.rungs import LadderSpec
from study.reporting.ladder_figures import rung_name
from study.reporting.methods import method_name
from study.run.pipeline import entry, section

RUNGS = {name: rung_name(name) for name in ("mcar", "low")}
METHODS = {method_name(name): name for name in ("auto", "told", "miwae", "mice", "missforest", "knn", "mean")}


def imputer(method: str) -> Imputer:
    """A method of ladder/params.yaml."""
    ladder = section(LadderSpec, "ladder")
    if method in ladder.run.estimators:
        return section(LadderEstimator, f"ladder.estimators.{method}")
    return entry(imputers, f"ladder.methods.{method}")


@styled
def drawn(rows: list[dict]) -> Figure:
    """The rows as a figure: a panel for each rung, a point for each method."""
    page = figure(3.0)
    panels = page.subplots(1, len(RUNGS), sharex=True)
    for axes, rung in zip(panels, RUNGS.values(), strict=True):
        for method, look in zip(METHODS, SERIES, strict=False):
            (row,) = [row for row in rows if (row["missing"], row["method"]) == (rung, method)]
            axes.semilogx(row["seconds"], row["rmse"], linestyle="none", label=method, **look)
        axes.set(title=f"Missing {rung}", xlabel="seconds on one thread")
        axes.margins(0.15)
        axes.spines[["top", "right"]].set_visible(False)
        plain(axes.xaxis)
    panels[0].set_ylabel("RMSE, mean over tables")
    page.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return page


def main() -> None:
    """Measure both rungs."""
    warnings.simplefilter("ignore")
    os.chdir(ROOT / "ladder")
    ladder = section(LadderSpec, "ladder")
    chosen = [
        cell
        for cell in cells(ladder)
        if cell.replicate == 0 and cell.mechanism in RUNGS and not cell.source.codes()
    ]
    rows = []
    for rung, named in RUNGS.items():
        tasks = [cell.task(SEED, ladder.draws) for cell in chosen if cell.mechanism == rung]
        for method, name in METHODS.items():
            own, taken, errors = imputer(name), [], []
            for task in tasks:
                found = []
                taken.append(seconds(lambda own=own, task=task, found=found: found.append(own.impute(task))))
                errors.append(measure(task, found[0])[0]["rmse"])
            row = {"missing": named, "method": method, "tables": len(tasks)}
            rows.append(row | {"seconds": geometric_mean(taken), "rmse": fmean(errors)})
            print(rows[-1], flush=True)
    write("ladder", rows, drawn(rows))


if __name__ == "__main__":
    main()
