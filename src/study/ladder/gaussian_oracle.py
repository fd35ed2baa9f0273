"""The Bayes-optimal imputation of Gaussian rows under any mechanism, by importance sampling.

`E[T(g_m) | x_o, s]` with g ~ N(0, Σ) known: proposals are draws of `g_m | g_o`, weighed by p(s | x) of the
completed rows. More are drawn where few count.
"""

import numpy as np
import pandas as pd
from scipy.special import softmax

from notmiwae.arrays import Floats, Mask
from notmiwae.mechanisms.mechanism import Mechanism
from notmiwae.randomness import generator
from study.data.sources.correlated_gaussian import CorrelatedGaussian
from study.ladder.ladder_cells import Completed

_SAMPLES = (2_000, 20_000, 200_000)
"""Samples of a row, tried in turn."""
_CHUNK_VALUES = 4_000_000
"""Proposed values held at once."""
_ENOUGH = 400.0
"""Effective samples at which a row has enough: the error of a mean is a twentieth of the law's deviation."""


def impute_gaussian(
    source: CorrelatedGaussian,
    mechanism: Mechanism,
    complete: pd.DataFrame,
    masked: pd.DataFrame,
    draws: int,
    seed: int,
) -> Completed:
    """Complete a masked table by means and draws of the missing values given values and mask.

    Columns beside the source's own, as a row's limit, are complete and independent of the rest.

    Arguments:
        source: Law of the complete rows.
        mechanism: Mechanism by which values went missing.
        complete: Complete table, from which the mechanism's constants are taken.
        masked: Table to complete, NaN where missing.
        draws: Number of draws.
        seed: Seed of all noise.

    Raises:
        ParameterError: the mechanism doesn't say what it makes of any row; see `Mechanism.rule`.
    """
    draw = generator(seed, "oracle")
    rule = mechanism.rule(complete)

    def log_likelihood(rows: Floats, missing: Mask) -> Floats:
        table = pd.DataFrame(rows, columns=masked.columns)
        return mechanism.log_likelihood(np.tile(missing, (len(rows), 1)), rule(table), masked.columns)

    values = masked.to_numpy(dtype=np.float64, copy=True)
    filled, tables = values.copy(), np.repeat(values[None], draws, axis=0)
    gaps = np.isnan(values)
    for missing in np.unique(gaps[gaps.any(axis=1)], axis=0):
        left = np.flatnonzero((gaps == missing).all(axis=1))
        for count in _SAMPLES:
            size = max(1, _CHUNK_VALUES // (count * len(missing)))
            effective = []
            for rows in np.split(left, range(size, len(left), size)):
                proposed = _propose(source, values[rows], missing, count, draw)
                completed = np.repeat(values[rows], count, axis=0)
                completed[:, missing] = proposed.reshape(-1, missing.sum())
                weights = _normalised(log_likelihood(completed, missing).reshape(-1, count))
                effective.append(1 / np.square(weights).sum(axis=1))
                means = np.einsum("nk,nkj->nj", weights, proposed)
                for row, mean, alpha, candidates in zip(rows, means, weights, proposed, strict=True):
                    filled[row, missing] = mean
                    tables[:, row, missing] = candidates[draw.choice(count, draws, p=alpha)]
            left = left[np.concatenate(effective) < _ENOUGH]
            if not len(left):
                break
    return Completed(filled, tables)


def _normalised(log_weights: Floats) -> Floats:
    """Normalise weights over the last axis; where all are zero, equal ones stand for them."""
    possible = np.isfinite(log_weights).any(axis=1, keepdims=True)
    return np.asarray(softmax(np.where(possible, log_weights, 0.0), axis=1))


def _propose(
    source: CorrelatedGaussian, rows: Floats, missing: Mask, count: int, draw: np.random.Generator
) -> Floats:
    """Draw the missing values of rows given the observed ones, `[N, count, ·]`."""
    own = np.arange(len(missing)) < source.columns
    gone, seen = np.flatnonzero(missing & own), np.flatnonzero(~missing & own)
    covariance = source.covariance
    weights = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[np.ix_(seen, gone)])
    mean = source.unshaped(rows[:, seen]) @ weights
    root = np.linalg.cholesky(covariance[np.ix_(gone, gone)] - covariance[np.ix_(gone, seen)] @ weights)
    return source.shaped(mean[:, None] + draw.normal(size=(len(rows), count, len(gone))) @ root.T)
