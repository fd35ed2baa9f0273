"""Metrics of imputed cells against their true values, where those are known."""

import numpy as np

from notmiwae.arrays import Floats, Mask
from notmiwae.errors import DataError

_ENERGY_ROWS = 1000
"""Most rows between which distances are taken: their cost is quadratic."""


def rmse(imputed: Floats, truth: Floats) -> float:
    """Compute the root mean squared error of missing cells, `sqrt(mean (x̂ − x)²)`, in the data's units."""
    return float(np.sqrt(np.mean((imputed - truth) ** 2)))


def crps(draws: Floats, truth: Floats) -> float:
    """Compute the mean continuous ranked probability score of M draws a cell, unbiased in M.

    `1/M Σ_m |x_m − x| − 1/(2 M (M−1)) Σ_{m,m'} |x_m − x_m'|` (Gneiting & Raftery 2007; "fair" form of Ferro
    2014). For a point forecast it would be the mean absolute error, so it's in the data's units.

    Arguments:
        draws: Draws of the missing cells, `[J, M]`, M ≥ 2.
        truth: True values of the missing cells, `[J]`.
    """
    count = draws.shape[1]
    error = np.abs(draws - truth[:, None]).mean(1)
    # Σ_{m,m'} |x_m − x_m'| = 2 Σ_i (2i − M − 1) x_(i), i = 1 … M, over the sorted draws.
    ranks = 2 * np.arange(1, count + 1) - count - 1
    spread = (np.sort(draws, axis=1) * ranks).sum(1) / (count * (count - 1))
    return float((error - spread).mean())


def interval(draws: Floats, level: float) -> tuple[Floats, Floats]:
    """Take the central interval of `level` from M draws a cell, `[J, M]`: its ends, each `[J]`.

    The ends are the Weibull quantiles, so that M exchangeable draws cover with probability `level` exactly
    where `(1 − level)/2 · (M + 1)` is whole (M = 19, 39, 99 … at 90 %).
    """
    tail = (1 - level) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=1, method="weibull")
    return lower, upper


def coverage(draws: Floats, truth: Floats, level: float = 0.9) -> float:
    """Compute the share of cells whose true value lies in the central interval of their draws `[J, M]`."""
    lower, upper = interval(draws, level)
    return float(np.mean((lower <= truth) & (truth <= upper)))


def width(draws: Floats, level: float = 0.9) -> float:
    """Average the width of the central interval of draws `[J, M]`, in the data's units."""
    lower, upper = interval(draws, level)
    return float(np.mean(upper - lower))


def mask_accuracy(probability: Floats, observed: Mask) -> float:
    """Compute the share of a mask's cells that a missing process predicts: `p(s_j = 0 | x) > ½` iff s_j = 0.

    Only columns with missing values enter, since the others have no missing process (Ipsen et al. 2021, table
    A1).

    Arguments:
        probability: Probabilities `p(s_j = 0 | x)` for the *complete* rows, `[N, D]`.
        observed: Mask s, `[N, D]`.

    Raises:
        DataError: nothing is missing.
    """
    incomplete = ~observed.all(axis=0)
    if not incomplete.any():
        raise DataError("nothing is missing, so no missing process has an accuracy")
    return float(np.mean((probability > 0.5)[:, incomplete] != observed[:, incomplete]))


def energy_distance(imputed: Floats, truth: Floats) -> float:
    """Compute the squared energy distance of two sets of rows, `2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖`.

    It's zero when the rows have the same distribution (Székely & Rizzo 2013). At most 1,000 rows, evenly
    spaced, enter: the cost is quadratic.
    """
    step = max(1, -(-len(truth) // _ENERGY_ROWS))
    x, y = imputed[::step], truth[::step]
    rows = len(x)
    unbiased = rows / max(rows - 1, 1)
    # Row i of both is the same row: its own pair is left out, like a row's distance to itself.
    paired = np.linalg.norm(x - y, axis=1).mean() / rows
    between = unbiased * (_mean_distance(x, y) - paired)
    within = _mean_distance(x, x) + _mean_distance(y, y)
    return float(2 * between - unbiased * within)


def _mean_distance(x: Floats, y: Floats) -> float:
    """Average the Euclidean distances of all pairs; a product is 50 times faster than `cdist` on images."""
    squared = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
    return float(np.sqrt(squared.clip(min=0)).mean())
