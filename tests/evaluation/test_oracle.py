"""The oracle is the conditional expectation: equal to quadrature, and beaten by nothing beyond noise."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm
from sklearn.linear_model import LinearRegression

from notmiwae.errors import ParameterError
from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.randomness import generator
from study.data.datasets import DatasetSpec
from study.evaluation.oracle import oracle

GAUSSIAN = {"kind": "gaussian", "rows": 500, "mean": [0.0, 0.0], "covariance": [[1.0, 0.8], [0.8, 1.0]]}
THRESHOLD = {"kind": "threshold", "columns": ["x_1"], "cut": {"statistic": "mean"}, "side": "upper"}
RING = {"kind": "ring", "rows": 1500, "radius": 4.5, "spread": 0.5}
SECTOR = {
    "kind": "angular_sector",
    "columns": ["x_1"],
    "axes": ["x_1", "x_2"],
    "start_pi": 0.25,
    "stop_pi": 0.75,
}


def dataset(source, mechanism, **fields):
    """The data set, with some fields of its source or mechanism changed."""
    source, mechanism = dict(source), dict(mechanism)
    for name, value in fields.items():
        (mechanism if name in mechanism else source)[name] = value
    return DatasetSpec.model_validate({"source": source, "mechanism": mechanism, "replicates": 1})


def drawn(spec, seed=0):
    complete = spec.source.draw(generator(seed, "oracle"))
    return complete, apply_mechanism(spec.mechanism, complete, generator(seed, "mask"))


def completed(spec, seed=0):
    """The oracle's imputations of the missing cells, their truth, and the other column of their rows."""
    complete, masked = drawn(spec, seed)
    filled = oracle(spec, complete, masked)
    observed = masked.notna().to_numpy()
    assert np.array_equal(filled[observed], masked.to_numpy()[observed])
    missing = ~observed[:, 0]
    return filled[missing, 0], complete["x_1"].to_numpy()[missing], complete["x_2"].to_numpy()[missing]


def rmse(imputed, truth):
    return np.sqrt(np.mean((imputed - truth) ** 2))


# --- equal to quadrature

THREE = {"mean": [1.0, -2.0, 0.5], "covariance": [[2.0, 0.9, -0.4], [0.9, 1.0, 0.3], [-0.4, 0.3, 1.5]]}
CASES = {
    "poster": dataset(GAUSSIAN, THRESHOLD, rows=20),
    "third of three, high cut": dataset(
        GAUSSIAN, THRESHOLD, rows=200, columns=["x_3"], cut={"statistic": "mean", "offset_sd": 1.0}, **THREE
    ),
    "number as cut": dataset(GAUSSIAN, THRESHOLD, rows=20, cut=0.3),
    "quantile as cut": dataset(GAUSSIAN, THRESHOLD, rows=20, cut={"statistic": "quantile", "at": 0.7}),
}


@pytest.mark.parametrize("name", CASES)
def test_truncated_gaussian_is_the_integral_over_what_was_masked(name):
    spec = CASES[name]
    complete, masked = drawn(spec)
    column = int(masked.isna().to_numpy().any(axis=0).argmax())
    joint = multivariate_normal(spec.source.mean, spec.source.covariance)
    _, cut = spec.mechanism.cut.points(complete.to_numpy()[:, [column]])
    filled = oracle(spec, complete, masked)
    incomplete = np.flatnonzero(masked.isna().any(axis=1))
    assert len(incomplete) >= 5
    for row in incomplete[:5]:

        def density(x, row=row):
            point = masked.iloc[row].to_numpy(copy=True)
            point[column] = x
            return joint.pdf(point)

        ends = cut[0], cut[0] + 12
        mass, first = (
            quad(lambda x, power=power: x**power * density(x), *ends, epsabs=1e-13)[0] for power in (0, 1)
        )
        assert filled[row, column] == pytest.approx(first / mass, rel=1e-6)


@pytest.mark.parametrize(("start", "stop"), [(0.25, 0.75), (0.1, 0.6), (0.8, 1.1)])
def test_ring_sector_is_the_integral_over_what_was_masked(start, stop):
    spec = dataset(RING, SECTOR, rows=60, start_pi=start, stop_pi=stop)
    complete, masked = drawn(spec)
    filled = oracle(spec, complete, masked)
    for row in np.flatnonzero(masked["x_1"].isna())[:5]:
        x_2 = masked["x_2"].iloc[row]

        def density(x, x_2=x_2):
            radius = np.hypot(x, x_2)
            inside = (np.arctan2(x_2, x) / np.pi - start) % 2 <= stop - start
            return inside * norm.pdf(radius, 4.5, 0.5) / radius

        # The sector's sides cut the line at height x_2 here.
        sides = [x_2 / np.tan(np.pi * angle) for angle in (start, stop)]
        points = sorted({-4.5, 0.0, 4.5, *(side for side in sides if abs(side) < 8)})
        mass, first = (
            quad(lambda x, power=power: x**power * density(x), -8, 8, points=points, limit=300)[0]
            for power in (0, 1)
        )
        assert filled[row, 0] == pytest.approx(first / mass, abs=5e-3)


# --- the limits of the published protocols


def test_the_gaussians_limit_is_0_459():
    imputed, truth, _ = completed(dataset(GAUSSIAN, THRESHOLD, rows=200_000))
    assert rmse(imputed, truth) == pytest.approx(0.459, abs=0.003)


def test_the_rings_limit_is_1_930_and_its_imputation_zero():
    imputed, truth, _ = completed(dataset(RING, SECTOR, rows=5000))
    assert imputed == pytest.approx(np.zeros(len(imputed)), abs=1e-9)
    error = np.std(truth**2) / np.sqrt(len(truth)) / (2 * 1.930)
    assert rmse(imputed, truth) == pytest.approx(1.930, abs=4 * error)
    assert error < 0.025


# --- beaten by nothing


def assert_beats(best, other, truth):
    """The other's squared errors exceed the best's on average, or differ by noise alone."""
    excess = (other - truth) ** 2 - (best - truth) ** 2
    assert excess.mean() > -4 * excess.std() / np.sqrt(len(truth))


def rivals(x_2, imputed):
    yield from (imputed + shift for shift in (-0.1, -0.02, 0.02, 0.1))
    yield from (imputed + size * np.sin(k * x_2) for k in (1, 2, 5) for size in (-0.1, 0.1))
    yield from (scale * imputed for scale in (0.8, 0.95, 1.05, 1.2))


@pytest.mark.parametrize(
    "spec", [dataset(GAUSSIAN, THRESHOLD, rows=20_000), dataset(RING, SECTOR, rows=5000, stop_pi=0.6)]
)
def test_no_other_function_of_what_was_observed_beats_the_oracle(spec):
    imputed, truth, x_2 = completed(spec)
    for rival in rivals(x_2, imputed):
        assert_beats(imputed, rival, truth)
    # Not even one fitted to the true missing values of other rows.
    _, other_truth, other_x_2 = completed(spec, seed=1)
    for degree in (1, 3, 7):
        fitted = np.polynomial.Polynomial.fit(other_x_2, other_truth, degree)
        assert_beats(imputed, fitted(x_2), truth)


def test_regression_on_the_observed_rows_has_its_published_limit_far_above():
    spec = dataset(GAUSSIAN, THRESHOLD, rows=200_000)
    imputed, truth, x_2 = completed(spec)
    _, masked = drawn(spec)
    seen = masked.dropna()
    line = LinearRegression().fit(seen[["x_2"]], seen["x_1"])
    guess = line.predict(pd.DataFrame({"x_2": x_2}))
    assert rmse(guess, truth) == pytest.approx(1.076, abs=0.005)
    assert rmse(imputed, truth) < rmse(guess, truth) - 0.5


# --- what it doesn't know


UNKNOWN = {
    "another mechanism": (
        dataset(GAUSSIAN, {"kind": "mcar", "columns": ["x_1"], "rate": 0.3}),
        "gaussian under mcar",
    ),
    "another pair": (dataset(RING, THRESHOLD), "ring under threshold"),
    "the lower side": (dataset(GAUSSIAN, THRESHOLD, side="lower"), "found 'lower'"),
    "two columns": (
        dataset(GAUSSIAN, {**THRESHOLD, "allow_empty_rows": True}, columns=["x_1", "x_2"]),
        "found 2",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_no_oracle_is_known_for_is_refused_in_one_line(name):
    spec, message = UNKNOWN[name]
    complete = spec.source.draw(generator(0))
    masked = complete.copy()
    masked.iloc[0, 0] = np.nan
    with pytest.raises(ParameterError, match=message) as caught:
        oracle(spec, complete, masked)
    assert "\n" not in str(caught.value)


def test_the_refusal_lists_the_known_pairs():
    spec, _ = UNKNOWN["another mechanism"]
    complete = spec.source.draw(generator(0))
    with pytest.raises(ParameterError, match=r"known: gaussian under threshold, ring under angular_sector$"):
        oracle(spec, complete, complete)
