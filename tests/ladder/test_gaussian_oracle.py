"""The oracle: closed forms, calibration, and that nobody beats it."""

import numpy as np
import pytest
from scipy.stats import norm

from notmiwae import metrics
from notmiwae.mechanisms.mechanism import apply_mechanism, mechanisms
from notmiwae.randomness import generator
from notmiwae.specs import parse_entry
from study.data.sources.correlated_gaussian import CorrelatedGaussian
from study.data.sources.source import sources
from study.ladder.gaussian_oracle import impute_gaussian


def source(**changes) -> CorrelatedGaussian:
    entry = {"kind": "correlated_gaussian", "rows": 400, "columns": 4, "correlation": 0.5}
    return parse_entry(sources, entry | changes, "source")


def imputed(law: CorrelatedGaussian, entry: dict, seed: int = 0, draws: int = 39):
    complete = law.draw(generator(seed, "complete"))
    mechanism = parse_entry(mechanisms, entry, "mechanism")
    masked = apply_mechanism(mechanism, complete, generator(seed, "mask"))
    return complete, masked, impute_gaussian(law, mechanism, complete, masked, draws, seed)


def test_below_a_limit_it_is_the_truncated_gaussians_mean() -> None:
    cut = {"statistic": "quantile", "at": 0.3}
    entry = {"kind": "threshold", "columns": ["x_1"], "side": "lower", "cut": cut}
    law = source()
    complete, masked, completed = imputed(law, entry)
    missing = masked["x_1"].isna().to_numpy()
    others = complete.to_numpy()[missing, 1:]
    weights = np.linalg.solve(law.covariance[1:, 1:], law.covariance[1:, 0])
    mean, sd = others @ weights, np.sqrt(1 - law.covariance[0, 1:] @ weights)
    t = (np.quantile(complete["x_1"], 0.3) - mean) / sd
    exact = mean - sd * np.exp(norm.logpdf(t) - norm.logcdf(t))
    np.testing.assert_allclose(completed.mean[missing, 0], exact, atol=5 * sd / np.sqrt(400))
    assert abs((completed.mean[missing, 0] - exact).mean()) < 0.01
    seen = ~np.isnan(masked.to_numpy())
    np.testing.assert_array_equal(completed.mean[seen], masked.to_numpy()[seen])


def test_at_random_it_is_the_conditional_mean_and_in_other_shapes_that_of_the_shape() -> None:
    entry = {"kind": "mcar", "columns": ["x_1"], "rate": 0.5}
    for shape in ("gaussian", "log_normal", "share"):
        law = source(shape=shape, sigma=0.8)
        _, masked, completed = imputed(law, entry)
        missing = masked["x_1"].isna().to_numpy()
        others = law.unshaped(masked.to_numpy()[missing, 1:])
        weights = np.linalg.solve(law.covariance[1:, 1:], law.covariance[1:, 0])
        sd = np.sqrt(1 - law.covariance[0, 1:] @ weights)
        nodes, share = np.polynomial.hermite_e.hermegauss(60)
        values = law.shaped((others @ weights)[:, None] + sd * nodes) @ (share / share.sum())
        np.testing.assert_allclose(completed.mean[missing, 0], values, rtol=0.1, atol=0.1)
        assert abs((completed.mean[missing, 0] - values).mean()) < 0.01


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "self_masking_logistic", "columns": ["x_1", "x_2"], "slope": 3.0, "rate": 0.3},
        {"kind": "joint_dropout", "columns": ["x_1", "x_2"], "slope": -3.0, "rate": 0.3},
        {"kind": "muzellec", "columns": ["x_1", "x_2"], "given": ["x_3"], "slope": 3.0, "rate": 0.3},
    ],
    ids=lambda entry: entry["kind"],
)
def test_its_intervals_hold_and_nothing_near_it_is_better(entry: dict) -> None:
    law = source(rows=1000)
    complete, masked, completed = imputed(law, entry)
    cells = np.nonzero(masked.isna().to_numpy())
    truth, mean, draws = complete.to_numpy()[cells], completed.mean[cells], completed.draws[:, *cells].T
    error = np.sqrt(0.9 * 0.1 / len(truth))
    assert metrics.coverage(draws, truth) == pytest.approx(0.9, abs=5 * error)
    assert abs((mean - truth).mean()) < 5 * (mean - truth).std() / np.sqrt(len(truth))
    best = metrics.rmse(mean, truth)
    for other in (mean + 0.1, mean - 0.1, 0.9 * mean, draws.mean(axis=1), np.full_like(truth, truth.mean())):
        difference = (other - truth) ** 2 - (mean - truth) ** 2
        assert difference.mean() > -3 * difference.std() / np.sqrt(len(truth))
    assert best < metrics.rmse(np.zeros_like(truth), truth)


def test_a_rows_own_limit_is_seen_and_kept() -> None:
    law = source()
    complete = law.draw(generator(0, "complete")).assign(limit=generator(1).normal(size=400))
    entry = {"kind": "row_limit", "columns": ["x_1"], "limit": "limit", "rate": 0.3}
    mechanism = parse_entry(mechanisms, entry, "mechanism")
    masked = apply_mechanism(mechanism, complete, generator(2))
    completed = impute_gaussian(law, mechanism, complete, masked, 9, 0)
    missing = masked["x_1"].isna().to_numpy()
    rule = mechanism.rule(complete)
    for draw in completed.draws:
        below = rule(complete.assign(x_1=draw[:, 0]))[missing, 0]
        assert below.all()
