"""How the figures of a search look: labels, the marks of best and default, the limits of an axis."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from notmiwae.plot_style import BLACK, VERMILION

LABELS = {"bound": "held-out bound, nats a row", "rmse": "RMSE"}
WORTH = LinearSegmentedColormap.from_list("worth", ["#E4E4E4", "#56B4E9", "#003A5C"])
"""From poor (pale) to good (dark): a scale of lightness, which grey print keeps."""
_MARK: dict[str, Any] = {"mec": BLACK, "ls": ""}
BEST = _MARK | {"marker": "*", "ms": 13, "mfc": VERMILION, "mew": 0.8, "zorder": 5}
DEFAULT = _MARK | {"marker": "D", "ms": 6.5, "mfc": "white", "mew": 1.4, "zorder": 4}


def stars(axes: Axes, shown: pd.DataFrame, x: pd.Series, y: pd.Series, scale: float = 1.0) -> None:
    """Mark the best trial and the default, where they are shown."""
    best = int(shown.index[int(shown["bound"].to_numpy().argmax())])
    for number, look in ((best, BEST), (0, DEFAULT)):
        if number in shown.index:
            axes.plot(x[number], y[number], **look | {"ms": look["ms"] * scale})


def limits(values: pd.Series, target: str) -> tuple[float, float]:
    """Return an axis' limits: all good values, and poor ones as far as they don't crush the good ones."""
    good, poor = (values.max(), values.min()) if target == "bound" else (values.min(), values.max())
    reach = 4 * abs(float(values.median()) - good)
    worst = max(poor, good - reach) if target == "bound" else min(poor, good + reach)
    margin = 0.06 * max(abs(good - worst), 1e-6)
    return float(min(good, worst) - margin), float(max(good, worst) + margin)


def mark_handles() -> list[Line2D]:
    """Return the marks of the best trial and the default, for a legend."""
    return [
        Line2D([], [], label="best by bound", **BEST | {"ms": 10}),
        Line2D([], [], label="default", **DEFAULT | {"ms": 5.5}),
    ]


def mark_legend(drawn: Figure, line: bool = False) -> None:
    """Add the legend of the best trial and the default, which are lines where `line` says so."""
    handles = mark_handles()
    if line:
        handles[0].set_linestyle("-")
        handles[1].set_linestyle("--")
    for handle in handles:
        handle.set_color(BLACK)
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=3.0 if line else None)


def short_label(target: str) -> str:
    """Return the label of a target without its unit."""
    return LABELS[target].split(",")[0]
