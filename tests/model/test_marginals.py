"""Every observation model under every separable process: marginals, means and draws are the integrals."""

import doctest

import numpy as np
import pytest
import torch
from integral import Integral, log_inside, log_normal, log_outside, log_self_masking, log_student
from sample_means import sample_means
from scipy.integrate import quad
from scipy.special import expit, logsumexp
from scipy.stats import kstest
from torch import nn
from torch.nn.functional import logsigmoid

from notmiwae.model.distributions import Normal
from notmiwae.model.missing_process import agnostic, separable
from notmiwae.model.missing_process.interval import IntervalProcess
from notmiwae.model.missing_process.mcar import MCARProcess
from notmiwae.model.missing_process.missing_process import ProcessSpec, processes
from notmiwae.model.missing_process.self_masking import SelfMaskingProcess
from notmiwae.model.missing_process.separable import SeparableProcess
from notmiwae.model.missing_process.truncated_gaussian import IntervalProbability, log_interval
from notmiwae.model.missing_process.two_sided import TwoSidedProcess
from notmiwae.model.observation.bernoulli import Bernoulli
from notmiwae.model.observation.categorical import Categorical
from notmiwae.model.observation.gaussian_mixture import GaussianMixture
from notmiwae.model.observation.student_t import StudentT

FIRST = torch.tensor([0])
EDGE, LOWER, UPPER, SIGMA = 0.4, -0.3, 0.5, 0.7
SLOPES = [1e-2, 0.3, 3.0, 50.0, 1e3]
MEANS = [-30.0, -6.0, -1.0, 0.4, 3.0, 25.0]
DRAWS = 20_000


def double(value):
    return torch.tensor([value], dtype=torch.float64)


def separable_process(kind, slope):
    """A process of one feature, its log p(s = 0 | x) by scipy, and where that turns."""
    if kind in ("two_sided", "interval"):
        cls, log_missing = {
            "two_sided": (TwoSidedProcess, log_outside),
            "interval": (IntervalProcess, log_inside),
        }[kind]
        process = cls(FIRST, slope, double(LOWER), double(UPPER))
        return process.double(), log_missing(slope, LOWER, UPPER), (LOWER, UPPER)
    link, sign = kind.split("/")
    slope = slope if sign == "high" else -slope
    process = SelfMaskingProcess(FIRST, np.sign(slope), abs(slope), double(EDGE), link)
    return process.double(), log_self_masking(slope, EDGE, link), (EDGE,)


def likelihood(kind, mu, sigma=SIGMA, count=1):
    """p(x | z) of one feature for `count` equal samples of z, and its log-density by scipy."""
    mean = torch.full((count, 1, 1), mu, dtype=torch.float64)
    if kind == "gaussian":
        return Normal(mean, double(sigma)), log_normal(mu, sigma), 100.0
    if kind == "mixture":
        shares, offsets, scales = (np.array(each) for each in ([0.2, 0.5, 0.3], [-1, 0, 0.5], [0.3, 1, 0.1]))
        log_shares = torch.from_numpy(np.log(shares)).reshape(3, 1, 1, 1).expand(-1, count, -1, -1)
        means, sigmas = mu + offsets * sigma, scales * sigma

        def log_density(x):
            parts = np.stack([log_normal(*each)(x) for each in zip(means, sigmas, strict=True)], -1)
            return logsumexp(parts, axis=-1, b=shares)

        return (
            GaussianMixture(log_shares, torch.from_numpy(means), torch.from_numpy(sigmas)),
            log_density,
            100.0,
        )
    degrees = float(kind.removeprefix("student_"))
    return StudentT(mean, double(sigma), double(degrees)), log_student(mu, sigma, degrees), 1e7


PROCESSES = ["probit/high", "probit/low", "logistic/high", "logistic/low", "two_sided", "interval"]
CONTINUOUS = ["gaussian", "student_2.6", "student_30", "mixture"]
# Of the log-probability, and of the mean in units of the standard deviation: quadrature over a scale.
TOLERANCE = {"gaussian": 1e-9, "mixture": 1e-8, "student_2.6": 5e-5, "student_30": 2e-6}


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize("observation", CONTINUOUS)
@torch.no_grad()
def test_marginal_and_conditional_mean_are_the_integrals(observation, kind, slope):
    process, log_missing, edges = separable_process(kind, slope)
    tolerance = max(TOLERANCE[observation], 4e-7 if "logistic" in kind else 0)
    for mu in MEANS:
        px, log_density, far = likelihood(observation, mu)
        exact = Integral(log_missing, log_density, mu, SIGMA, slope, edges, far)
        found = process.conditional(px)
        assert found.log_prob.item() == pytest.approx(exact.log_mass, abs=tolerance, rel=1e-12)
        error = abs(sample_means(found).item() - exact.mean)
        assert error < tolerance * max(np.sqrt(exact.variance), SIGMA)


@pytest.mark.parametrize("slope", [0.3, 1e3])
@pytest.mark.parametrize("kind", PROCESSES)
def test_the_brute_force_integral_agrees_with_adaptive_quadrature(kind, slope):
    _, log_missing, edges = separable_process(kind, slope)
    _, log_density, _ = likelihood("gaussian", -1.0)
    brute = Integral(log_missing, log_density, -1.0, SIGMA, slope, edges)
    mass, _ = quad(
        lambda x: np.exp(log_missing(x) + log_density(x)),
        -9,
        7,
        points=sorted(
            {-1.0, *edges, *(b + w / slope for b in edges for w in (-8, -4, -2, 0, 2, 4, 8) if slope > 10)}
        ),
        limit=500,
        epsabs=0,
        epsrel=1e-11,
    )
    assert brute.log_mass == pytest.approx(np.log(mass), abs=1e-9)


@pytest.mark.parametrize(("slope", "mu"), [(3.0, -1.5), (50.0, 2.0)])
@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize("observation", CONTINUOUS)
@torch.no_grad()
def test_draws_follow_the_conditional_law(observation, kind, slope, mu):
    process, log_missing, edges = separable_process(kind, slope)
    px, log_density, far = likelihood(observation, mu, count=DRAWS // (1 if observation == "gaussian" else 4))
    exact = Integral(log_missing, log_density, mu, SIGMA, slope, edges, far)
    draws = process.drawing(px).sample(torch.Generator().manual_seed(3)).flatten().numpy()
    assert kstest(draws, exact.cdf).pvalue > 1e-3
    shift = 0.1 * np.subtract(*np.quantile(draws, [0.75, 0.25]))
    assert kstest(draws, lambda x: exact.cdf(x - shift)).pvalue < 1e-3, "the test has no power"


@pytest.mark.parametrize("observation", CONTINUOUS)
@torch.no_grad()
def test_a_constant_rate_says_nothing_of_the_values(observation):
    px, _, _ = likelihood(observation, 0.3)
    found = MCARProcess(FIRST, torch.tensor([0.2]))(px, torch.zeros(1, 1), torch.zeros(1, 1), None)
    assert found.log_prob.exp().item() == pytest.approx(0.2)
    assert torch.equal(sample_means(found), px.mean)
    observed = MCARProcess(FIRST, torch.tensor([0.2]))(px, torch.zeros(1, 1), torch.ones(1, 1), None)
    assert observed.log_prob.exp().item() == pytest.approx(0.8)


# --- codes: sums


CODES = {
    "bernoulli": (Bernoulli(torch.tensor([[[0.7]]])), np.array([1 - expit(0.7), expit(0.7)])),
    "categorical": (
        Categorical(torch.tensor([[[[0.2, 0.1, 0.4, 0.3]]]]).log(), torch.tensor([4])),
        np.array([0.2, 0.1, 0.4, 0.3]),
    ),
}


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize("observation", CODES)
@torch.no_grad()
def test_marginals_means_and_draws_of_codes_are_sums(observation, kind, slope):
    process, log_missing, _ = separable_process(kind, slope)
    px, probability = CODES[observation]
    values = np.arange(len(probability))
    log_terms = np.log(probability) + log_missing(values.astype(float))
    found = process.conditional(px)
    assert found.log_prob.item() == pytest.approx(logsumexp(log_terms), rel=1e-5, abs=1e-6)
    shares = np.exp(log_terms - logsumexp(log_terms))
    expected = (shares * values).sum() if observation == "bernoulli" else shares.argmax()
    assert sample_means(found).item() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    many = px.pick(torch.zeros(DRAWS, 1, dtype=torch.long))
    draws = process.drawing(many).sample(torch.Generator().manual_seed(1)).flatten().numpy()
    counts = (draws[:, None] == values).mean(0)
    assert counts.sum() == pytest.approx(1)
    assert counts == pytest.approx(shares, abs=5 * np.sqrt(0.25 / DRAWS))


@pytest.mark.parametrize("observation", CODES)
@torch.no_grad()
def test_an_imputed_code_is_the_most_probable_one_under_all_samples_of_z(observation):
    process = SelfMaskingProcess(FIRST, 1.0, 2.0, torch.tensor([1.5]))
    generator = torch.Generator().manual_seed(7)
    raw = torch.randn(5, 3, 1, 4, generator=generator)
    px = (
        Bernoulli(raw[..., 0])
        if observation == "bernoulli"
        else Categorical(raw.log_softmax(-1), torch.tensor([4]))
    )
    alpha = torch.rand(5, 3, generator=generator).softmax(0)
    values = torch.arange(2.0 if observation == "bernoulli" else 4.0)
    nodes = px.nodes(0)
    joint = alpha[..., None] * (nodes.log_weights + process.log_missing(nodes.values)).softmax(0)
    total = joint.sum(1)  # [V, B, C]
    expected = total[1] if observation == "bernoulli" else values[total.argmax(0)]
    found = process(px, torch.zeros(3, 1), torch.zeros(3, 1), generator)
    assert torch.allclose(found.average(alpha), expected)
    without = px.average(alpha)
    shares = (alpha[..., None] * nodes.log_weights.exp()).sum(1)
    assert torch.allclose(without, shares[1] if observation == "bernoulli" else values[shares.argmax(0)])


@pytest.mark.parametrize("observation", CONTINUOUS)
@torch.no_grad()
def test_averages_of_values_are_weighted_means(observation):
    generator = torch.Generator().manual_seed(8)
    mean = torch.randn(5, 3, 1, generator=generator)
    if observation == "mixture":
        logits = torch.stack([mean, -mean])
        px = GaussianMixture(logits.log_softmax(0), *torch.tensor([[-1.0, 1.0], [0.5, 0.7]]))
    elif observation == "gaussian":
        px = Normal(mean, torch.ones(1))
    else:
        px = StudentT(mean, *torch.tensor([[1.0], [4]]))
    alpha = torch.rand(5, 3, generator=generator).softmax(0)
    zero = torch.zeros(3, 1)
    for kind in ("ignorable", "self_masking", "interval", "mcar", "by_column", "agnostic_linear"):
        process = processes.parse({"kind": kind}).build(FIRST, torch.randn(9, 1), torch.ones(9, 1))
        found = process(px, zero, zero, generator)
        assert torch.allclose(
            found.average(alpha), (alpha[..., None] * sample_means(found)).sum(0), atol=1e-6
        )


# --- a user's own process


class Own(SeparableProcess):
    def __init__(self, columns, slope, edge):
        super().__init__(columns)
        self.slope, self.edge = nn.Parameter(slope), nn.Parameter(edge)

    def log_missing(self, x):
        return logsigmoid(self.slope * (x - self.edge))


@pytest.mark.parametrize("mu", [-4.0, -1.0, 0.4, 3.0])
@pytest.mark.parametrize("slope", [-3.0, 0.3, 4.0])
@pytest.mark.parametrize("observation", CONTINUOUS)
def test_a_users_own_process_equals_the_built_in_by_quadrature(observation, slope, mu):
    own = Own(FIRST, double(slope), double(EDGE))
    built_in = SelfMaskingProcess(FIRST, np.sign(slope), abs(slope), double(EDGE), "logistic").double()
    px, log_density, far = likelihood(observation, mu)
    exact = Integral(log_self_masking(slope, EDGE, "logistic"), log_density, mu, SIGMA, slope, (EDGE,), far)
    zero = torch.zeros(1, 1, dtype=torch.float64)
    by_nodes = 1e-6 if observation == "gaussian" else 5e-5
    for process, tolerance in ((own, by_nodes), (built_in, TOLERANCE[observation] + 4e-7)):
        found = process(px, zero, zero, None)
        assert found.log_prob.item() == pytest.approx(exact.log_mass, abs=tolerance)
        assert sample_means(found).item() == pytest.approx(exact.mean, abs=4 * tolerance)
    x = torch.linspace(-3, 3, 41, dtype=torch.float64)[:, None]
    assert torch.allclose(own.missing_probability(x), built_in.missing_probability(x))
    assert torch.allclose(own.log_observed(x), built_in.log_observed(x), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("observation", CONTINUOUS)
@torch.no_grad()
def test_draws_under_a_users_own_process_follow_its_law(observation):
    px, log_density, far = likelihood(observation, -1.0, count=3000)
    exact = Integral(log_self_masking(3.0, EDGE, "logistic"), log_density, -1.0, SIGMA, 3.0, (EDGE,), far)
    drawing = Own(FIRST, double(3.0), double(EDGE)).drawing(px)
    draws = drawing.sample(torch.Generator().manual_seed(4)).flatten().numpy()
    assert kstest(draws, exact.cdf).pvalue > 1e-3
    assert draws.mean() == pytest.approx(exact.mean, abs=5 * np.sqrt(exact.variance / 3000))


@pytest.mark.parametrize("module", [agnostic, separable])
def test_the_examples_in_the_documentation_run(module, monkeypatch):
    monkeypatch.setattr(processes, "_found", dict(processes._classes))
    names = {
        "torch": torch,
        "processes": processes,
        "ProcessSpec": ProcessSpec,
        "nn": nn,
        "logsigmoid": logsigmoid,
    }
    results = doctest.testmod(module, extraglobs=names)
    assert results.attempted > 0
    assert results.failed == 0


# --- extremes


@pytest.mark.parametrize("width", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_an_interval_far_out_has_finite_probability_mean_draws_and_gradients(width):
    t = torch.tensor([-1e3, -30.0, -1.0, 0.0, 1.0, 30.0, 1e3], requires_grad=True)
    w = torch.full_like(t, width, requires_grad=True)
    log_prob = log_interval(t, w)
    assert log_prob.isfinite().all()
    assert (log_prob <= 0).all()
    for gradient in torch.autograd.grad(log_prob.sum(), [t, w]):
        assert gradient.isfinite().all()
    with torch.no_grad():
        interval = IntervalProbability(t, w)
        mean = interval.mean  # of e', between −t and w − t
        slack = 1e-6 * (1 + t.double().abs())
        assert (mean >= -t - slack).all()
        assert (mean <= w.double() - t + slack).all()
        for level in (1e-16, 0.5, 1 - 1e-16):
            place = interval.invert(torch.full_like(t, level, dtype=torch.float64))
            assert (place >= -t.double() - slack).all()
            assert (place <= w.double() - t.double() + slack).all()


@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize("degrees", [2.5, 1e3])
@pytest.mark.parametrize("slope", [1e-3, 3.0, 1e3])
def test_student_in_single_precision_stays_finite_far_out(kind, degrees, slope):
    process, _, _ = separable_process(kind, slope)
    process.float()
    mean = torch.tensor([-1e3, -30.0, 0.1, 30.0, 1e3]).reshape(5, 1, 1).requires_grad_()
    scale, nu = (torch.tensor([each], requires_grad=True) for each in (0.05, degrees))
    found = process(StudentT(mean, scale, nu), torch.zeros(1, 1), torch.zeros(1, 1), None)
    assert found.log_prob.isfinite().all()
    inputs = [mean, scale, nu, *process.parameters()]
    for gradient in torch.autograd.grad(found.log_prob.sum(), inputs):
        assert gradient.isfinite().all()
    with torch.no_grad():
        assert sample_means(found).isfinite().all()


@pytest.mark.parametrize("kind", PROCESSES)
def test_the_student_marginals_gradients_are_those_of_finite_differences(kind):
    process, _, _ = separable_process(kind, 2.0)
    zero = torch.zeros(1, 1, dtype=torch.float64)

    def log_prob(mean, scale, degrees):
        return process(StudentT(mean, scale, degrees), zero, zero, None).log_prob

    inputs = [torch.tensor([[[-1.0]], [[0.3]]], dtype=torch.float64), double(0.6), double(5.0)]
    found = torch.autograd.grad(log_prob(*(each.requires_grad_() for each in inputs)).sum(), inputs)
    with torch.no_grad():
        for place, gradient in enumerate(found):
            step = [torch.zeros_like(each) for each in inputs]
            step[place] += 1e-3
            up, down = (
                log_prob(*(a + sign * b for a, b in zip(inputs, step, strict=True))) for sign in (1, -1)
            )
            assert gradient.sum().item() == pytest.approx((up - down).sum().item() / 2e-3, abs=2e-4)


# --- the sampled variant, for reference


@pytest.mark.parametrize("kind", ["self_masking", "two_sided", "interval"])
@torch.no_grad()
def test_the_sampled_bound_lies_below_the_exact_one_and_reaches_it(kind):
    generator = torch.Generator().manual_seed(5)
    table = torch.randn(200, 2, generator=generator)
    columns = torch.tensor([0, 1])
    x, s = torch.tensor([[0.3, 0.0]]), torch.tensor([[1.0, 0.0]])
    exact, sampled = (
        processes.parse({"kind": kind, "marginal": marginal}).build(columns, table, torch.ones_like(table))
        for marginal in ("exact", "sampled")
    )
    px = Normal(torch.full((1, 1000, 2), 0.2), torch.tensor([0.8, 0.6]))
    truth = exact(px, x, s, generator).log_prob.mean().item()
    gaps = []
    for samples in (1, 16, 512):
        many = Normal(px.mean.expand(samples, -1, -1), px.scale)
        bounds = sampled(many, x, s, generator).log_prob.logsumexp(0) - np.log(samples)
        gaps.append(truth - bounds.mean().item())
    assert gaps[0] > gaps[1] > gaps[2] > -0.02
    assert gaps[2] < 0.06


@torch.no_grad()
def test_sampled_values_are_what_is_imputed_unless_the_decoders_mean_is_asked_for():
    x, s = torch.randn(9, 2), torch.ones(9, 2)
    s[:4, 0] = 0
    px = Normal(torch.randn(3, 9, 2), torch.tensor([0.5, 0.6]))
    alpha = torch.rand(3, 9).softmax(0)
    for marginal in ("exact", "sampled"):
        for imputed_mean in ("truncated", "decoder"):
            entry = {"kind": "self_masking", "marginal": marginal, "imputed_mean": imputed_mean}
            process = processes.parse(entry).build(FIRST, x, s)
            found = process(px, x, s, torch.Generator())
            equal = torch.equal(sample_means(found), px.mean)
            assert equal is (imputed_mean == "decoder")
            assert torch.allclose(
                found.average(alpha), (alpha[..., None] * sample_means(found)).sum(0), atol=1e-6
            )
            if marginal == "sampled":
                observed = s.bool().expand(3, -1, -1)
                assert torch.equal(found.values[observed], x.expand(3, -1, -1)[observed])
