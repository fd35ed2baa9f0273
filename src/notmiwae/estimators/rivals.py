"""Models at random that a direction has to beat.

There are three: of the columns as they are, mapped to what is Gaussian (`normal_margins.py`), and with shapes
that are learnt. Else what a direction fits better would pass for evidence of what is missing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from notmiwae.arrays import Floats
from notmiwae.estimators.cross_validation import Candidate
from notmiwae.estimators.normal_margins import NormalMargins
from notmiwae.training.known_cells import KnownCells


def best(foretold: Floats) -> Floats:
    """Take for each column what the best of M models foretells, `[N, C]`.

    Another than the first has to be better by a standard error: what is left of a Gaussian is skewed too, and
    a map or a shape makes that Gaussian.

    Arguments:
        foretold: Log-density of each row's columns under each model, `[M, N, C]`.
    """
    gains = foretold - foretold[0]
    errors = gains.std(axis=1) / np.sqrt(gains.shape[1])
    taken = (gains.mean(axis=1) - errors).argmax(axis=0)
    found: Floats = foretold[taken, :, np.arange(len(taken))].T
    return found


def other_rivals(plain: Candidate, known: KnownCells | None) -> list[Candidate]:
    """Return the models at random beside that of the columns as they are; none if all are Gaussian.

    Arguments:
        plain: That of the columns as they are.
        known: Cells known to lie between two ends.
    """
    values, network = plain.values, plain.network
    features = values.shape[1]
    levels = network.observation.levels(features)
    # Of a column whose limits are known the shape of what was seen isn't that of the whole.
    as_they_are = known.columns if known else ()
    quantities = [j for j, count in enumerate(levels) if not count and j not in as_they_are]
    margins = NormalMargins(values, quantities)
    if margins.identity:
        return []
    gaps = np.isnan(values).any(axis=0)
    rivals = [
        replace(
            plain,
            values=margins.transform(values),
            network=margins.network(network),
            log_jacobian=margins.log_jacobian(values)[:, gaps],
        )
    ]
    own = np.flatnonzero(network.shaped(features)).tolist()
    if not set(quantities) <= set(own):
        shapes = tuple(sorted({*own, *quantities}))
        rivals.append(replace(plain, network=network.model_copy(update={"shapes": shapes})))
    return rivals
