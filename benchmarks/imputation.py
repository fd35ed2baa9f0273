"""(e) Rows imputed a second against the number of importance samples, and what taking enough of them saves.

    python benchmarks/imputation.py

One model of white wine, trained as the default's; the error against that of L = 10,000 is the share of its
squared difference in the imputed values' variance.
"""

import numpy as np
from common import plain, seconds, settings, table, write
from matplotlib.figure import Figure

from notmiwae.imputation import impute_together
from notmiwae.plot_style import SERIES, figure, styled
from notmiwae.training.fit import fit
from notmiwae.training.recipe import ImputationSpec

SPECS = [{"samples": samples} for samples in (10, 50, 100, 200, 1_000, 10_000)]
SPECS += [{"samples": 200, "enough": 5.0}, {"samples": 1_000, "enough": 20.0}]
LONG = 400


@styled
def drawn(rows: list[dict]) -> Figure:
    """The rows as a figure."""
    page = figure(2.8, 5.0)
    axes = page.subplots()
    for kind, label, look in (
        (False, "the same number for each row", SERIES[0]),
        (True, "as many as a row needs", SERIES[1]),
    ):
        chosen = [row for row in rows if (row["enough"] > 0) == kind and row["excess_error"] > 0]
        axes.loglog([row["rows_per_second"] for row in chosen], [row["excess_error"] for row in chosen],
                    label=label, linestyle="none", **look)  # fmt: skip
        for row in chosen:
            most, place = f"{row['samples']:,}", {"xytext": (6, -8)}
            if kind:
                place = {"xytext": (-5, 5), "ha": "right"}
            axes.annotate(f"at most {most}, {row['enough']:.0f} count" if kind else f"L = {most}",
                          (row["rows_per_second"], row["excess_error"]), textcoords="offset points",
                          fontsize=7, **place)  # fmt: skip
    plain(axes.xaxis)
    plain(axes.yaxis)
    axes.set_xlabel("rows a second, on one thread")
    axes.set_ylabel("error beside L = 10,000,\nshare of variance")
    axes.margins(x=0.3, y=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    page.legend(loc="outside upper center", ncols=2)
    return page


def main() -> None:
    """Measure each number of samples."""
    network, recipe = settings()
    _, masked = table("white")
    values = masked.to_numpy()
    fitted = fit(values, tuple(masked.columns), network, recipe.missing_process, recipe.training, 1).fitted
    some = values[masked.isna().any(axis=1)][:LONG]
    found, rows = {}, []
    for number, spec in enumerate(SPECS):
        results = []
        asked = ImputationSpec(draws=0, **spec)
        taken = seconds(
            lambda asked=asked, results=results: results.append(impute_together([fitted], some, asked, 1))
        )
        found[number] = results[0]
        rows.append(
            {
                "samples": spec["samples"],
                "enough": spec.get("enough", 0.0),
                "mean_samples": float(results[0].samples.mean()),
                "mean_effective_samples": float(results[0].effective_samples.mean()),
                "rows_per_second": len(some) / taken,
            }
        )
    missing = np.isnan(some)
    best = found[[spec["samples"] for spec in SPECS].index(10_000)].mean[missing]
    for number, row in enumerate(rows):
        row["excess_error"] = float(np.mean((found[number].mean[missing] - best) ** 2) / best.var())
    write("imputation", rows, drawn(rows))


if __name__ == "__main__":
    main()
