"""The Bayes-optimal imputation of the synthetic data sets: the limit under squared error.

It knows the data's distribution and the mechanism, and imputes `E[x_m | x_o, s]`.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import norm

from notmiwae.arrays import Floats
from notmiwae.errors import ParameterError
from notmiwae.mechanisms.mechanism import Mechanism
from notmiwae.mechanisms.regions import AngularSector
from notmiwae.mechanisms.self_masking_mechanism import Threshold
from study.data.datasets import DatasetSpec
from study.data.sources.gaussian import GaussianSource
from study.data.sources.ring import RingSource
from study.data.sources.source import Source


def oracle(dataset: DatasetSpec, complete: pd.DataFrame, masked: pd.DataFrame) -> Floats:
    """Complete a masked table as the Bayes-optimal imputer does, `[N, D]`.

    Arguments:
        dataset: Source of the table, and mechanism.
        complete: Complete table; only the mechanism's cut-off is taken from it.
        masked: Table to complete.

    Raises:
        ParameterError: no oracle is known for this data set under this mechanism.
    """
    source, mechanism = dataset.source, dataset.mechanism
    known = _ORACLES.get((type(source), type(mechanism)))
    if known is None:
        pairs = ", ".join(f"{s.kind} under {m.kind}" for s, m in _ORACLES)
        raise ParameterError(f"no oracle for {source.kind} under {mechanism.kind}; known: {pairs}")
    return known(dataset, complete, masked)


def truncated_gaussian(dataset: DatasetSpec, complete: pd.DataFrame, masked: pd.DataFrame) -> Floats:
    """Impute Gaussian rows, one column missing above a cut-off c: by a truncated Gaussian's mean.

    `x_j | x_o ~ N(m, v)` by the usual conditioning, and given x_j > c its mean is
    `m + sqrt(v) φ(t) / Φ(t)`, `t = (m − c) / sqrt(v)`.
    """
    source, mechanism = dataset.source, dataset.mechanism
    assert isinstance(source, GaussianSource)
    assert isinstance(mechanism, Threshold)
    column = _single_column(mechanism, masked)
    cut = _upper_cut(mechanism, complete.iloc[:, column].to_numpy(dtype=np.float64))
    mean, covariance = np.array(source.mean), np.array(source.covariance)
    others = [j for j in range(len(mean)) if j != column]
    weights = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, column])
    sd = np.sqrt(covariance[column, column] - covariance[column, others] @ weights)
    values = masked.to_numpy(dtype=np.float64, copy=True)
    missing = np.isnan(values[:, column])
    centre = mean[column] + (values[np.ix_(missing, others)] - mean[others]) @ weights
    t = (centre - cut) / sd
    values[missing, column] = centre + sd * np.exp(norm.logpdf(t) - norm.logcdf(t))
    return values


def ring_sector(dataset: DatasetSpec, complete: pd.DataFrame, masked: pd.DataFrame) -> Floats:
    """Impute ring points, x_1 missing inside a sector: by quadrature of `E[x_1 | x_2, angle in the sector]`.

    The density of (x_1, x_2) is `N(r; radius, spread²) / (2π r)`, `r = ‖x‖`; x_1 is integrated on a grid.
    """
    source, mechanism = dataset.source, dataset.mechanism
    assert isinstance(source, RingSource)
    assert isinstance(mechanism, AngularSector)
    del complete
    values = masked.to_numpy(dtype=np.float64, copy=True)
    column = _single_column(mechanism, masked)
    missing = np.isnan(values[:, column])
    reach = source.radius + 8 * source.spread
    grid = np.linspace(-reach, reach, 4001)
    known = values[missing, 1 - column]
    points = np.empty((len(known), len(grid), 2))
    points[..., column] = grid
    points[..., 1 - column] = known[:, None]
    radius = np.linalg.norm(points, axis=-1)
    density = norm.pdf(radius, source.radius, source.spread) / radius
    flat = pd.DataFrame(points.reshape(-1, 2), columns=masked.columns)
    inside = mechanism.probability(flat)[:, column].reshape(radius.shape)
    weights = density * inside
    values[missing, column] = (weights * grid).sum(1) / weights.sum(1)
    return values


_ORACLES: dict[
    tuple[type[Source], type[Mechanism]], Callable[[DatasetSpec, pd.DataFrame, pd.DataFrame], Floats]
] = {
    (GaussianSource, Threshold): truncated_gaussian,
    (RingSource, AngularSector): ring_sector,
}


def _single_column(mechanism: Threshold | AngularSector, table: pd.DataFrame) -> int:
    targets = mechanism.targets(table)
    if len(targets) != 1 or len(table.columns) < 2:
        raise ParameterError(
            f"the oracle knows one masked column, found {len(targets)}: {', '.join(targets)}"
        )
    return list(table.columns).index(targets[0])


def _upper_cut(mechanism: Threshold, values: Floats) -> float:
    if mechanism.side != "upper":
        raise ParameterError(f"the oracle knows the mechanism's side 'upper', found {mechanism.side!r}")
    _, cut = mechanism.cut.points(values[:, None])
    return float(cut[0])
