"""(g) Fit and imputation of the default beside scikit-learn's imputers, on the six tables.

    python benchmarks/against_sklearn.py

missForest as in the paper: `IterativeImputer` with forests of 100 trees, ten rounds. Ours: five members as in
paper/params.yaml, and one. One thread each, in one run.
"""

import warnings

import numpy as np
from common import TABLES, plain, rmse, seconds, settings, table, write
from matplotlib.figure import Figure
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

from notmiwae.imputation import impute_together
from notmiwae.plot_style import SERIES, figure, styled
from notmiwae.training.fit import fit_together
from study.reporting.names import dataset_name


def ours(values: np.ndarray, members: int) -> np.ndarray:
    """Imputed means of the default with so many members."""
    network, recipe = settings()
    columns = tuple(f"x_{j}" for j in range(values.shape[1]))
    fits = fit_together([values] * members, columns, network, recipe.missing_process, recipe.training,
                        range(members), members=members)  # fmt: skip
    spec = recipe.imputation.model_copy(update={"draws": 0})
    return impute_together([each.fitted for each in fits], values, spec, 1).mean


METHODS = {
    "not-MIWAE, five members": lambda values: ours(values, 5),
    "not-MIWAE, one member": lambda values: ours(values, 1),
    "KNN": KNNImputer().fit_transform,
    "MICE": IterativeImputer(random_state=0).fit_transform,
    "missForest": IterativeImputer(RandomForestRegressor(100, random_state=0), random_state=0).fit_transform,
}


@styled
def drawn(rows: list[dict]) -> Figure:
    """The rows as a figure."""
    page = figure(3.4)
    panels = page.subplots(2, 3, sharex=True).ravel()
    for axes, name in zip(panels, TABLES, strict=True):
        for method, look in zip(METHODS, SERIES, strict=False):
            (row,) = [row for row in rows if (row["table"], row["method"]) == (name, method)]
            axes.semilogx(row["seconds"], row["rmse"], linestyle="none", label=method, **look)
        axes.set_title(dataset_name(name))
        axes.margins(0.2)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[::3]:
        axes.set_ylabel("RMSE")
    for axes in panels[3:]:
        axes.set_xlabel("seconds on one thread")
        plain(axes.xaxis)
    page.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return page


def main() -> None:
    """Measure all tables."""
    warnings.simplefilter("ignore")
    rows = []
    for name in TABLES:
        complete, masked = table(name)
        values = masked.to_numpy()
        for method, impute in METHODS.items():
            found = []
            taken = seconds(lambda impute=impute, values=values, found=found: found.append(impute(values)))
            error = rmse(found[0], complete, masked)
            rows.append({"table": name, "method": method, "seconds": taken, "rmse": error})
            print(rows[-1], flush=True)
    write("against_sklearn", rows, drawn(rows))


if __name__ == "__main__":
    main()
