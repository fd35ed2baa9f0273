"""Truncated Gaussians: closed forms of processes with edges are the integrals, and draws follow their law."""

import functools
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_means import sample_means
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfcx, log_ndtr, ndtr
from scipy.stats import kstest, norm

from notmiwae.model.distributions import Normal
from notmiwae.model.missing_process import truncated_gaussian
from notmiwae.model.missing_process.interval import IntervalProcess
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.missing_process.self_masking import SelfMaskingProcess
from notmiwae.model.missing_process.two_sided import TwoSidedProcess

SLOPES = [0.1, 1.0, 7.0, 50.0, 1e3]
# Edges lie at 0.4, and for two sides at -0.5 and 0.4 or so: near the mass, and up to 45 deviations away.
NORMALS = [(0.0, 1.0), (0.4, 0.3), (-4.0, 0.5), (-30.0, 1.0), (0.3, 0.01), (25.0, 2.0)]
DRAWS = 20_000
EACH = torch.arange(DRAWS)[:, None]
"""One draw at each of so many samples of z, for one row."""


class Quadrature:
    """x with density proportional to `Σ_e Φ(a_e (x − b_e)) N(x; μ, σ²)`, by adaptive quadrature."""

    def __init__(self, edges, mu, sigma):
        self.edges, self.mu, self.sigma = edges, mu, sigma
        peaks = [self._peak(a, b) for a, b in edges]
        self.shift = max(self.log_density(mode) for mode in peaks)
        # Where the integrand may turn: at the Gaussian, at each edge, at each peak; at the scale of the
        # Gaussian, of the edge, and of a Gaussian's tail beyond the edge.
        scales = [sigma, *(1 / abs(a) for a, _ in edges), *(sigma**2 / abs(b - mu + 1e-9) for _, b in edges)]
        steps = np.array([-40, -12, -4, -1, 0, 1, 4, 12, 40])
        centres = [mu, *peaks, *(b for _, b in edges)]
        points = np.unique([c + w * steps for c in centres for w in scales if w <= sigma])
        points = points[self.log_density(points) - self.shift > -80]
        self.breaks = points[np.append(True, np.diff(points) > 1e-9)]
        mass = self._integral(lambda x: 1.0)
        self.log_mass = math.log(mass) + self.shift
        self.mean = self._integral(lambda x: x) / mass
        self.variance = self._integral(lambda x: (x - self.mean) ** 2) / mass

    def log_density(self, x):
        missing = functools.reduce(np.logaddexp, [log_ndtr(a * (x - b)) for a, b in self.edges])
        return (
            missing - 0.5 * ((x - self.mu) / self.sigma) ** 2 - math.log(self.sigma * math.sqrt(2 * math.pi))
        )

    def cdf(self, x):
        pieces = [np.linspace(*ends, 400) for ends in itertools.pairwise(self.breaks)]
        grid = np.unique(np.concatenate(pieces))
        density = np.exp(self.log_density(grid) - self.shift)
        mass = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (density[1:] + density[:-1]) / 2)])
        return np.interp(x, grid, mass / mass[-1])

    def _integral(self, function):
        value, _ = quad(
            lambda x: function(x) * math.exp(self.log_density(x) - self.shift),
            self.breaks[0],
            self.breaks[-1],
            points=self.breaks[1:-1],
            limit=1000,
            epsabs=1e-13,
            epsrel=1e-10,
        )
        return value

    def _peak(self, a, b):
        """The mode of one summand, which is log-concave."""

        def slope(x):
            y = a * (x - b)
            return -(x - self.mu) / self.sigma**2 + a * np.exp(norm.logpdf(y) - log_ndtr(y))

        reach = 60 * self.sigma + abs(b - self.mu) + 60 / abs(a)
        return brentq(slope, self.mu - reach, self.mu + reach, xtol=1e-13)


def self_masking(a, b):
    process = SelfMaskingProcess(
        torch.tensor([0]), np.sign(a), abs(a), torch.tensor([b], dtype=torch.float64)
    )
    return process.double(), [(a, b)]


def two_sided(a, centre, half_width):
    lower, upper = (torch.tensor([centre + side * half_width], dtype=torch.float64) for side in (-1, 1))
    return TwoSidedProcess(torch.tensor([0]), a, lower, upper).double(), [
        (-a, centre - half_width),
        (a, centre + half_width),
    ]


@torch.no_grad()
def truncated_mean(found):
    return sample_means(found).item()


CASES = [
    *(self_masking(sign * slope, 0.4) for slope in SLOPES for sign in (1, -1)),
    *(two_sided(slope, -0.05, 0.45) for slope in SLOPES),
    two_sided(1e3, 0.4, 0.01),
]
NAMES = ["/".join(f"{a:g}@{b:g}" for a, b in edges) for _, edges in CASES]
EVERY_PROCESS = pytest.mark.parametrize(("process", "edges"), CASES, ids=NAMES)


@torch.no_grad()
def missing(process, mu, sigma, count=1):
    """`x | z, s = 0` for `count` equal samples of z."""
    px = Normal(
        torch.full((count, 1, 1), mu, dtype=torch.float64), torch.full((1,), sigma, dtype=torch.float64)
    )
    zero = torch.zeros(1, 1, dtype=torch.float64)
    return process(px, zero, zero, torch.Generator())


@torch.no_grad()
def drawn(process, mu, sigma, seed):
    return (
        missing(process, mu, sigma, DRAWS).sample(EACH, torch.Generator().manual_seed(seed)).flatten().numpy()
    )


@EVERY_PROCESS
@pytest.mark.parametrize(("mu", "sigma"), NORMALS)
def test_marginal_and_truncated_mean_are_the_integrals(process, edges, mu, sigma):
    exact = Quadrature(edges, mu, sigma)
    found = missing(process, mu, sigma)
    assert found.log_prob.item() == pytest.approx(exact.log_mass, rel=1e-8, abs=1e-9)
    assert truncated_mean(found) == pytest.approx(exact.mean, rel=1e-8, abs=1e-8)


@EVERY_PROCESS
@pytest.mark.parametrize(("mu", "sigma"), [(0.1, 1.0), (-4.0, 0.5), (25.0, 2.0)])
def test_draws_have_the_truncated_law(process, edges, mu, sigma):
    exact = Quadrature(edges, mu, sigma)
    draws = drawn(process, mu, sigma, 1)
    sd = np.sqrt(exact.variance)
    assert draws.mean() == pytest.approx(exact.mean, abs=5 * sd / np.sqrt(DRAWS))
    assert draws.var() == pytest.approx(exact.variance, rel=0.1)
    assert kstest(draws, exact.cdf).pvalue > 1e-3
    assert kstest(draws, lambda x: exact.cdf(x - 0.1 * sd)).pvalue < 1e-3, "the test has no power"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("mu", [-3.0, 0.0, 3.0])
def test_draws_lie_on_the_missing_side_of_a_steep_edge(sign, mu):
    process, _ = self_masking(sign * 1e4, 0.4)
    draws = drawn(process, mu, 1.0, 2)
    assert (sign * (draws - 0.4) > -1e-3).all()


def test_draws_lie_outside_a_steep_interval_on_both_sides_in_their_shares():
    process, _ = two_sided(1e4, 0.0, 0.5)
    draws = drawn(process, 0.2, 1.0, 3)
    assert (np.abs(draws) > 0.5 - 1e-3).all()
    below, above = ndtr(-0.7), ndtr(-0.3)
    share = below / (below + above)
    assert (draws < 0).mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / DRAWS))


def test_single_precision_agrees_with_double():
    for process, _ in CASES:
        for mu, sigma in NORMALS:
            double = missing(process, mu, sigma)
            px = Normal(torch.full((1, 1, 1), mu), torch.full((1,), sigma))
            with torch.no_grad():
                single = process.float()(px, torch.zeros(1, 1), torch.zeros(1, 1), torch.Generator())
            process.double()
            # A steep edge magnifies the rounding of mu itself.
            assert single.log_prob.item() == pytest.approx(double.log_prob.item(), rel=2e-3, abs=2e-3)
            assert truncated_mean(single) == pytest.approx(truncated_mean(double), rel=1e-4, abs=2e-4)


@EVERY_PROCESS
def test_missing_and_observed_probabilities_add_up_to_one(process, edges):
    x = torch.linspace(-3, 3, 201, dtype=torch.float64)[:, None]
    with torch.no_grad():
        observed = process.log_observed(x).exp()
        total = observed + process.missing_probability(x)
    assert torch.allclose(total, torch.ones_like(total), rtol=0, atol=1e-12)


@pytest.mark.parametrize("slope", [3.0, 100.0])
def test_observed_log_probability_keeps_its_precision_in_the_tails(slope):
    process, _ = self_masking(slope, 0.0)
    x = torch.tensor([[5.0], [-5.0]], dtype=torch.float64)
    with torch.no_grad():
        found = process.log_observed(x).flatten().numpy()
    assert found == pytest.approx(log_ndtr(np.array([-5.0 * slope, 5.0 * slope])), rel=1e-12)


@given(st.floats(-1e3, 30))
def test_mills_ratio_is_density_over_distribution(t):
    expected = np.exp(norm.logpdf(t) - log_ndtr(t))
    assert truncated_gaussian.mills_ratio(torch.tensor(t, dtype=torch.float64)).item() == pytest.approx(
        expected, rel=1e-8
    )


TWO_EDGED = {"two_sided": TwoSidedProcess, "interval": IntervalProcess}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gradient_of_log_ndtr_is_the_mills_ratio_in_both_tails(dtype):
    t = torch.tensor(
        [-1e6, -2e4, -1e3, -30.0, -1.0, 0.0, 1.0, 10.0, 1e3, 1e6], dtype=dtype, requires_grad=True
    )
    (found,) = torch.autograd.grad(truncated_gaussian.log_ndtr(t).sum(), t)
    t = t.detach().double().numpy()
    expected = np.sqrt(2 / np.pi) / erfcx(-t / np.sqrt(2))
    assert found.double().numpy() == pytest.approx(expected, rel=1e-4 if dtype == torch.float32 else 1e-12)


def differentiable(process):
    """The mask's log-probability as a function of everything that it's differentiated by."""
    names = list(dict(process.named_parameters()))
    x = torch.tensor([[0.1, 0.0], [0.0, -0.4], [0.7, 0.2]], dtype=torch.float64)
    s = torch.tensor([[1, 0], [0, 1], [1, 1]], dtype=torch.float64)

    def log_prob(mean, scale, *parameters):
        px = Normal(mean, scale)
        given_parameters = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(
            process, given_parameters, (px, x * s, s, torch.Generator())
        ).log_prob

    return log_prob


@pytest.mark.parametrize("slope", [0.3, 3.0, 30.0])
@pytest.mark.parametrize("shape", [(1,), (2,), (4, 3, 2)], ids=["shared", "feature", "cell"])
@pytest.mark.parametrize("kind", ["high", "low", "logistic", *TWO_EDGED])
def test_gradients_are_those_of_finite_differences(kind, shape, slope):
    columns, start = torch.tensor([0, 1]), torch.tensor([0.2, -0.1], dtype=torch.float64)
    if kind in TWO_EDGED:
        process = TWO_EDGED[kind](columns, slope, start - 0.5, start + 0.7).double()
    else:
        sign, link = (1.0, "probit") if kind == "high" else (-1.0, kind.replace("low", "probit"))
        process = SelfMaskingProcess(columns, sign, slope, start, link).double()
    noise = torch.Generator().manual_seed(4)
    mean = torch.randn(4, 3, 2, generator=noise, dtype=torch.float64, requires_grad=True)
    scale = (0.3 + torch.rand(shape, generator=noise, dtype=torch.float64)).requires_grad_()
    inputs = (mean, scale, *(p.detach().clone().requires_grad_() for p in process.parameters()))
    assert torch.autograd.gradcheck(differentiable(process), inputs, eps=1e-6, atol=1e-5, rtol=1e-4)


@given(
    mu=st.floats(-50, 50),
    sigma=st.floats(1e-2, 10),
    log_slope=st.floats(-5, 7),
    edge=st.floats(-3, 3),
    half_width=st.floats(1e-3, 5),
    value=st.floats(-30, 30),
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_single_precision_bound_and_gradients_stay_finite(mu, sigma, log_slope, edge, half_width, value):
    slope = np.exp(log_slope)
    columns, start = torch.tensor([0, 1]), torch.tensor([edge, edge])
    for process in (
        SelfMaskingProcess(columns, 1.0, slope, start),
        SelfMaskingProcess(columns, -1.0, slope, start),
        SelfMaskingProcess(columns, 1.0, slope, start, "logistic"),
        SelfMaskingProcess(columns, -1.0, slope, start, "logistic"),
        TwoSidedProcess(columns, slope, start - half_width, start + half_width),
        IntervalProcess(columns, slope, start - half_width, start + half_width),
    ):
        mean, scale = (
            torch.full((1, 1, 2), mu, requires_grad=True),
            torch.full((2,), sigma, requires_grad=True),
        )
        x, s = torch.tensor([[value, 0.0]]), torch.tensor([[1.0, 0.0]])
        found = process(Normal(mean, scale), x, s, torch.Generator())
        log_prob = found.log_prob
        assert torch.isfinite(log_prob).all()
        with torch.no_grad():
            assert torch.isfinite(sample_means(found)).all()
            assert torch.isfinite(found.sample(torch.zeros(1, 1, dtype=torch.long), torch.Generator())).all()
        for gradient in torch.autograd.grad(log_prob.sum(), [mean, scale, *process.parameters()]):
            assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("kind", ["self_masking", *TWO_EDGED])
@pytest.mark.parametrize("shared", [False, True])
def test_features_without_a_process_are_ignorable(kind, shared):
    generator = torch.Generator().manual_seed(5)
    table = torch.randn(50, 3, generator=generator)
    columns = torch.tensor([1])
    process = processes.parse({"kind": kind, "shared": shared}).build(columns, table, torch.ones_like(table))
    px = Normal(torch.randn(DRAWS, 1, 3, generator=generator), torch.tensor([0.5, 1.0, 2.0]))
    x, s = torch.zeros(1, 3), torch.tensor([[0.0, 0.0, 1.0]])
    with torch.no_grad():
        both = process(px, x, s, generator)
        alone = process(px, x, torch.tensor([[1.0, 0.0, 0.0]]), generator)
        mean, draw = sample_means(both, 20), both.sample(EACH, generator)
    assert torch.equal(both.log_prob, alone.log_prob)
    assert torch.equal(mean[..., [0, 2]], px.mean[:20, :, [0, 2]])
    assert not torch.isclose(mean[..., 1], px.mean[:20, :, 1]).all()
    residual = ((draw - px.mean) / px.scale)[..., [0, 2]].double().numpy()
    assert kstest(residual.ravel(), "norm").pvalue > 1e-3
    with torch.no_grad():
        assert torch.equal(process.missing_probability(table)[:, [0, 2]], torch.zeros(50, 2))


# --- the interval at its ends, and how far a region is


@pytest.mark.parametrize(("t", "w"), [(0.0, 50.0), (20.0, 50.0), (40.0, 50.0), (-3.0, 1e-3), (30.0, 1.0)])
def test_no_draw_lies_beyond_the_ends_of_its_interval(t, w):
    interval = truncated_gaussian.IntervalProbability(*torch.tensor([[t], [w]], dtype=torch.float64))
    levels = torch.tensor([0.0, 1e-300, 0.5, 1.0 - 1e-16, 1.0], dtype=torch.float64)
    noise = -interval.invert(levels)  # −e' lies between t − w and t
    assert (noise >= t - w).all()
    assert (noise <= t).all()
    # The last draws are cut off at the end with less of the mass.
    assert noise[-1].item() == pytest.approx(t - w if abs(t - w) > abs(t) else t, rel=1e-12)


@pytest.mark.parametrize("slope", [2.0, -2.0])
def test_the_distance_of_a_region_is_that_of_its_nearest_edge_and_none_inside(slope):
    side = math.copysign(1.0, slope)
    mean = side * torch.tensor([-4.0, 0.5, 1.0, 2.0, 4.0, 4.5, 9.0])[:, None, None]
    one, edge = torch.tensor([[slope]]), torch.tensor([[side]])
    half_line = truncated_gaussian.Regions(one, edge).distance(mean)
    assert half_line.flatten().tolist() == pytest.approx([5.0, 0.5, 0, 0, 0, 0, 0])
    interval = truncated_gaussian.Regions(one, edge, torch.tensor([[3.0]])).distance(mean)
    assert interval.flatten().tolist() == pytest.approx([5.0, 0.5, 0, 0, 0, 0.5, 5.0])
