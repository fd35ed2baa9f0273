"""Known intervals against scipy, quadrature and differences: in the middle, far out, in two dimensions."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import dblquad, quad
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm, truncnorm

from notmiwae.model.distributions import Normal
from notmiwae.model.known_intervals import KnownIntervals
from notmiwae.model.missing_process.missing_process import Features, processes
from notmiwae.model.networks import LinearSpec
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.observation.gaussian import GaussianSpec
from notmiwae.model.observation.gaussian_mixture import GaussianMixtureSpec
from notmiwae.model.observation.student_t import StudentT

INF = math.inf
ENDS = [(-INF, 0.3), (0.3, INF), (-1.0, 0.2), (2.0, 2.5), (-INF, -3.0), (4.0, INF), (-9.0, -8.5)]


def intervals(ends, mean=0.4, scale=1.3):
    """One sample of z, a row for each pair of ends, one feature."""
    means = torch.full((1, len(ends), 1), mean, dtype=torch.float64, requires_grad=True)
    scales = torch.full((1,), scale, dtype=torch.float64, requires_grad=True)
    known = KnownIntervals(Normal(means, scales), torch.tensor(ends, dtype=torch.float64)[:, None])
    return known, means, scales


def standardised(ends, mean=0.4, scale=1.3):
    return ((np.array(ends) - mean) / scale).T


def test_probabilities_are_those_of_a_gaussian_between_the_ends():
    known, *_ = intervals(ENDS)
    expected = [np.log(quad(norm(0.4, 1.3).pdf, *ends, epsabs=0, epsrel=1e-12)[0]) for ends in ENDS]
    np.testing.assert_allclose(known.log_prob.detach().numpy().ravel(), expected, rtol=1e-9)


def test_means_are_those_of_scipy():
    known, *_ = intervals(ENDS)
    lower, upper = standardised(ENDS)
    expected = truncnorm(lower, upper, 0.4, 1.3).mean()
    np.testing.assert_allclose(known.mean.detach().numpy().ravel(), expected, rtol=1e-7)


def test_draws_follow_scipys_truncated_gaussian():
    ends = [each for each in ENDS for _ in range(4_000)]
    known, *_ = intervals(ends)
    with torch.no_grad():
        draws = known.sample(torch.Generator().manual_seed(0)).numpy().reshape(len(ENDS), -1)
    for own, (lower, upper) in zip(draws, ENDS, strict=True):
        assert lower <= own.min()
        assert own.max() <= upper
        law = truncnorm(*standardised([(lower, upper)]).ravel(), 0.4, 1.3)
        levels = np.linspace(0.05, 0.95, 19)
        assert np.abs(np.mean(own[:, None] <= law.ppf(levels), axis=0) - levels).max() < 0.025


def test_a_value_without_ends_has_no_say():
    known, means, scales = intervals([(-INF, INF), (-INF, 0.3)])
    known.log_prob.sum().backward()
    assert known.log_prob[0, 0, 0] == 0.0
    assert means.grad[0, 0, 0] == 0.0
    assert means.grad[0, 1, 0] != 0.0
    assert scales.grad.isfinite().all()


@pytest.mark.parametrize("ends", ENDS)
def test_gradients_are_differences(ends):
    known, means, scales = intervals([ends])
    (known.log_prob.sum() + known.mean.sum()).backward()
    step = 1e-5

    def value(mean, scale):
        own, *_ = intervals([ends], mean, scale)
        return (own.log_prob + own.mean).item()

    by_mean = (value(0.4 + step, 1.3) - value(0.4 - step, 1.3)) / (2 * step)
    by_scale = (value(0.4, 1.3 + step) - value(0.4, 1.3 - step)) / (2 * step)
    np.testing.assert_allclose([means.grad.item(), scales.grad.item()], [by_mean, by_scale], rtol=2e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [INF, 1e-3, 1.0, 2e3])
@pytest.mark.parametrize("t", [-1e3, -30.0, 0.0, 30.0, 1e3])
def test_far_tails_are_finite_and_right(t, width, dtype):
    for ends in ((t, t + width), (t - width, t)):
        mean = torch.zeros(1, 1, 1, dtype=dtype, requires_grad=True)
        scale = torch.ones(1, dtype=dtype, requires_grad=True)
        known = KnownIntervals(Normal(mean, scale), torch.tensor([[ends]], dtype=torch.float64))
        (known.log_prob.sum() + known.mean.sum()).backward()
        assert all(each.isfinite().all() for each in (known.log_prob, mean.grad, scale.grad))
        assert ends[0] <= known.mean.item() <= ends[1]
        with torch.no_grad():
            assert ends[0] <= known.sample(torch.Generator().manual_seed(0)).item() <= ends[1]
        # Φ(b) − Φ(a) in the tail where it has digits.
        low, high = (ends[0], ends[1]) if ends[0] + ends[1] < 0 else (-ends[1], -ends[0])
        log_high, log_low = norm.logcdf([high, low])
        expected = log_high + np.log(-np.expm1(log_low - log_high)) if log_low < log_high else log_high
        np.testing.assert_allclose(known.log_prob.item(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("ends", [(-INF, -0.5), (0.4, 1.1), (1.5, INF)])
def test_mixtures_of_gaussians_are_integrated_too(ends):
    heavy = StudentT(
        *(torch.tensor([[[each]]], dtype=torch.float64) for each in (0.2, 0.7)), torch.tensor([5.0])
    )
    decoded = torch.randn(1, 1, 3, generator=torch.Generator().manual_seed(1))
    mixture = GaussianMixtureSpec(components=3).build(1)(decoded)
    for px in (heavy, mixture):

        def density(x, px=px):
            with torch.no_grad():
                return float(px.log_prob(torch.tensor([[x]]), torch.ones(1, 1)).exp())

        known = KnownIntervals(px, torch.tensor([[ends]], dtype=torch.float64))
        mass = quad(density, *ends, epsrel=1e-6)[0]
        mean = quad(lambda x, density=density: x * density(x), *ends, epsrel=1e-6)[0] / mass
        np.testing.assert_allclose(known.log_prob.exp().item(), mass, rtol=2e-3)
        np.testing.assert_allclose(known.mean.item(), mean, rtol=5e-3)


def linear_model(loadings, noise, process="ignorable", censored=(1,)):
    """p(x) = N(0, ΛΛᵀ + σ²): a linear decoder, whose integral over z is a Gaussian's."""
    features = len(loadings)
    spec = ModelSpec(
        latent_size=1,
        encoder=LinearSpec(),
        decoder=LinearSpec(),
        observation=GaussianSpec(shared_scale=True, floor=0.01, initial_scale=noise),
        censored=censored,
    )
    x = torch.randn(20, features, generator=torch.Generator().manual_seed(0))
    built = processes.parse(process if isinstance(process, dict) else {"kind": process}).build(
        torch.tensor([0]), x, torch.ones_like(x), Features(("a", "b"), (0, 0), (0,))
    )
    model = NotMIWAE(spec, features, built)
    with torch.no_grad():
        for each in model.decoder.parameters():
            each.copy_(torch.tensor(loadings).reshape(each.shape) if each.dim() > 1 else 0.0)
        for each in model.encoder.parameters():
            each.zero_()
            if each.dim() == 1:
                each[1] = 0.6  # a scale of about one, next to the prior
    return model.double()


def test_the_bound_and_the_mean_are_those_of_a_gaussian_in_two_dimensions():
    model = linear_model([0.9, -0.8], 0.5)
    covariance = np.outer([0.9, -0.8], [0.9, -0.8]) + 0.25 * np.eye(2)
    joint = multivariate_normal([0, 0], covariance)
    x, s = torch.tensor([[0.7, -0.5]]).double(), torch.ones(1, 2).double()
    ends = torch.tensor([[[-INF, -0.2]]]).double()
    drawn = model.importance_samples(x, s, 200_000, torch.Generator().manual_seed(0), ends)
    alpha = drawn.log_weights.softmax(0)
    mass = quad(lambda y: joint.pdf([0.7, y]), -12, -0.2)[0]
    mean = quad(lambda y: y * joint.pdf([0.7, y]), -12, -0.2)[0] / mass
    bound = drawn.log_weights.logsumexp(0).item() - math.log(200_000)
    np.testing.assert_allclose(bound, np.log(mass), atol=0.01)
    np.testing.assert_allclose(drawn.missing.average(alpha)[0, 1].item(), mean, atol=0.01)
    chosen = torch.multinomial(alpha[:, 0], 20_000, replacement=True)[:, None]
    with torch.no_grad():
        draws = drawn.missing.sample(chosen, torch.Generator().manual_seed(1))[:, 0, 1]
    assert draws.max() <= -0.2
    np.testing.assert_allclose(draws.mean().item(), mean, atol=0.02)


def test_two_known_cells_of_a_row_are_integrated_jointly():
    model = linear_model([0.9, 0.8], 0.5, censored=(0, 1))
    joint = multivariate_normal([0, 0], np.outer([0.9, 0.8], [0.9, 0.8]) + 0.25 * np.eye(2))
    ends = torch.tensor([[[-INF, -0.3], [0.1, 0.9]]]).double()
    x, s = torch.tensor([[-0.3, 0.5]]).double(), torch.ones(1, 2).double()
    drawn = model.importance_samples(x, s, 200_000, torch.Generator().manual_seed(0), ends)
    mass = dblquad(lambda y, x: joint.pdf([x, y]), -8, -0.3, 0.1, 0.9)[0]
    mean = dblquad(lambda y, x: x * joint.pdf([x, y]), -8, -0.3, 0.1, 0.9)[0] / mass
    np.testing.assert_allclose(
        drawn.log_weights.logsumexp(0).item() - math.log(200_000), np.log(mass), atol=0.02
    )
    average = drawn.missing.average(drawn.log_weights.softmax(0))
    np.testing.assert_allclose(average[0, 0].item(), mean, atol=0.02)


@pytest.mark.parametrize(
    "process",
    [
        "mcar",
        {"kind": "self_masking", "direction": "low"},
        {"kind": "selection", "direction": "low", "given": ["b"], "at_random": True},
        {"kind": "selection", "direction": "low", "together": "visit"},
        {"kind": "two_sided"},
    ],
)
def test_the_process_has_no_say_of_a_known_cell(process):
    model = linear_model([0.9, 0.8], 0.5, process, censored=(0, 1))
    x, s = torch.tensor([[-0.3, 0.4]]).double(), torch.ones(1, 2).double()
    ends = torch.tensor([[[-INF, -0.3], [-INF, INF]]]).double()
    drawn = model.importance_samples(x, s, 7, torch.Generator().manual_seed(0), ends)
    assert drawn.terms.ps.expand(7, 1).tolist() == [[0.0]] * 7
    gap = model.importance_samples(
        torch.zeros(1, 2).double(), torch.tensor([[0.0, 1.0]]).double(), 7, torch.Generator(), None
    )
    assert (gap.terms.ps < 0).all()


def test_what_is_known_reaches_the_gradient_of_every_parameter_of_the_decoder():
    model = linear_model([0.9, 0.8], 0.5, censored=(0, 1))
    ends = torch.tensor([[[-INF, -0.3], [0.1, 0.9]]]).double()
    x, s = torch.tensor([[-0.3, 0.5]]).double(), torch.ones(1, 2).double()
    model(x, s, 5, torch.Generator().manual_seed(0), ends).log_weights().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_one_column_with_known_limits_is_tobits_maximum_likelihood():
    rng = np.random.default_rng(0)
    x, limit, top = rng.normal(3.0, 2.0, 400), rng.choice([1.0, 2.0, 3.0], 400), 5.5
    low, high = x < limit, x > top

    def negative(parameters):
        law = norm(parameters[0], np.exp(parameters[1]))
        seen = law.logpdf(x[~low & ~high]).sum()
        return -(seen + law.logcdf(limit[low]).sum() + high.sum() * law.logsf(top))

    tobit = minimize(negative, [2.0, 0.0], method="BFGS").x
    # The latent says nothing to the decoder, and the encoder is the prior: the bound is the likelihood.
    model = linear_model([0.0], 1.0, censored=(0,))
    for each in model.encoder.parameters():
        each.data.zero_()
        if each.dim() == 1:
            each.data[1] = math.log(math.expm1(1.0 - 1e-4))
    ends = torch.full((400, 1, 2), torch.inf, dtype=torch.float64) * torch.tensor([-1.0, 1.0])
    ends[low, 0, 1], ends[high, 0, 0] = torch.tensor(limit[low]), top
    rows = torch.tensor(np.where(high, top, np.where(low, limit, x)))[:, None]
    bias = next(each for each in model.decoder.parameters() if each.dim() == 1)
    fitted = [bias, model.observation.raw_scale]
    optimiser = torch.optim.LBFGS(fitted, max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        terms = model(rows, torch.ones_like(rows), 1, torch.Generator().manual_seed(0), ends)
        loss = -terms.px.sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    scale = model.observation(torch.zeros(1, 1).double()).scale.item()
    np.testing.assert_allclose([bias.item(), scale], [tobit[0], np.exp(tobit[1])], rtol=5e-4)
    np.testing.assert_allclose(closure().item(), negative(tobit), rtol=1e-8)
