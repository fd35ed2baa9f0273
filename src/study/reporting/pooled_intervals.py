"""What the study of pooled intervals reports: how often they hold the truth, and how far off they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import binomtest

from notmiwae.arrays import Floats
from notmiwae.plot_style import BLACK, BLUE, VERMILION, figure, label_lines, styled
from study.inference.estimands import ESTIMANDS, LEVEL
from study.reporting.headline_tables import markdown
from study.reporting.methods import in_order, method_name
from study.reporting.names import listed_first
from study.reporting.result_files import read_rows
from study.run.pipeline import REPORTS

COLUMNS = ["design", "method", "estimand", "replicate", "estimate", "standard_error", "lower", "upper"]
DESIGNS = {
    "mcar": "at random",
    "self_masking": "by the value",
    "value_and_context": "by value and context",
}
"""Designs in their order, as figures and tables name them."""
_ERRORS = 1.96
"""Monte Carlo errors on either side of a point: about 95 %."""
_LOOKS = {"mean": (BLUE, "o", -0.14), "slope": (VERMILION, "D", 0.14)}
"""Colour, marker and place about the line of each estimand."""


def read_intervals(parts: Sequence[int]) -> pd.DataFrame:
    """Read the intervals of all tables, design and method by part.

    Raises:
        DataError: a part's file is absent or isn't what its stage writes.
    """
    files = [REPORTS / f"pooled/{part}.csv" for part in parts]
    return pd.concat([read_rows(file, COLUMNS, "pooled") for file in files], ignore_index=True)


def design_name(design: str) -> str:
    """Name a design as people write it; one that isn't listed has the name it was given."""
    return DESIGNS.get(design, design)


def pooled_table(found: pd.DataFrame) -> str:
    """Tabulate coverage, bias, and the spread of estimates beside the reported one, by design and method."""
    headings = ["missing", "method"]
    headings += [f"{name}: {each}" for name in ESTIMANDS for each in ("coverage", "bias", "sd (reported)")]
    lines = []
    for design in listed_first(DESIGNS, found["design"]):
        rows = found[found["design"] == design].set_index(["method", "estimand"])
        for method in in_order(rows.index.unique("method")):
            line = [design_name(design), method_name(method)]
            for estimand in ESTIMANDS:
                one = rows.loc[(method, estimand), :]
                line.append(f"{one['coverage']:.3f} ± {one['coverage_error']:.3f}")
                line += [f"{one['bias']:z.3f}", f"{one['sd']:.3f} ({one['standard_error']:.3f})"]
            lines.append(line)
    return markdown(headings, lines)


def values_in_prose(found: pd.DataFrame, section: Mapping[str, Any]) -> dict[str, str]:
    """Print the values that the page may name.

    Arguments:
        found: The summary.
        section: The section `pooled` of params.yaml.
    """
    values = {"replicates": str(found["replicates"].min())}
    values |= {name: str(section["source"][name]) for name in ("rows", "columns", "correlation")}
    for name, estimator in section["estimators"].items():
        values |= {f"{name} {key}": str(value) for key, value in estimator.items()}
    for row in found.itertuples():
        values[f"{row.method} {row.design} {row.estimand}"] = f"{row.coverage:.2f}"
    return values


@styled
def pooled_figure(found: pd.DataFrame) -> Figure:
    """Plot coverage and bias: a column of panels a design, a line a method, a colour an estimand."""
    designs, methods = listed_first(DESIGNS, found["design"]), in_order(found["method"])
    drawn = figure(height=0.5 * len(methods) + 1.6)
    panels = drawn.subplots(2, len(designs), sharex="row", sharey=True, squeeze=False)
    for design, (above, below) in zip(designs, panels.T, strict=True):
        rows = found[found["design"] == design]
        _points(above, rows, methods, "coverage")
        _points(below, rows, methods, "bias")
        above.axvline(LEVEL, color=BLACK, lw=0.8, zorder=0)
        below.axvline(0.0, color=BLACK, lw=0.8, zorder=0)
        above.set_title(design_name(design))
        above.set_xlim(-0.03, 1.03)
        above.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        above.set_xlabel(f"coverage, best {LEVEL}")
        below.set_xlabel("mean error")
    for axes in panels.flat:
        label_lines(axes, [method_name(method) for method in methods])
    handles = [
        Line2D([], [], color=color, marker=marker, ls="", ms=5, label=name)
        for name, (color, marker, _) in _LOOKS.items()
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return drawn


def _points(axes: Axes, rows: pd.DataFrame, methods: Sequence[str], metric: str) -> None:
    """Plot a metric with its Monte Carlo error, a line a method."""
    for estimand, (color, marker, offset) in _LOOKS.items():
        one = rows[rows["estimand"] == estimand].set_index("method").reindex(list(methods))
        places = [place + offset for place in range(len(methods))]
        whiskers = _wilson(one) if metric == "coverage" else _ERRORS * one[f"{metric}_error"]
        axes.errorbar(one[metric], places, xerr=whiskers, color=color, marker=marker, ls="", ms=4)


def _wilson(rows: pd.DataFrame) -> Floats:
    """Return how far Wilson's 95 % intervals reach below and above each coverage, `[2, R]`."""
    reach = []
    for coverage, replicates in zip(rows["coverage"], rows["replicates"], strict=True):
        test = binomtest(round(coverage * replicates), int(replicates))
        lower, upper = test.proportion_ci(method="wilson")
        reach.append((max(coverage - lower, 0.0), max(upper - coverage, 0.0)))
    return np.transpose(reach)
