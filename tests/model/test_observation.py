"""Observation models: densities and draws are scipy's, and what can't be meant is refused."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit, log_softmax, logsumexp

from notmiwae.errors import DataError, ParameterError
from notmiwae.model.bound import iwae_bound
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.observation.observation_model import observations

SAMPLES, ROWS, FEATURES = 4, 6, 3
ENTRIES = {
    "gaussian": {"kind": "gaussian"},
    "gaussian_network": {"kind": "gaussian", "network_scale": True},
    "gaussian_network_shared": {"kind": "gaussian", "network_scale": True, "shared_scale": True},
    "student_t": {"kind": "student_t"},
    "student_t_shared": {"kind": "student_t", "shared_scale": True},
    "gaussian_mixture": {"kind": "gaussian_mixture"},
    "bernoulli": {"kind": "bernoulli"},
    "categorical": {"kind": "categorical", "categories": [2, 4, 3]},
    "categorical_same": {"kind": "categorical", "categories": 3},
}
EVERY_ENTRY = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
DISCRETE = ("bernoulli", "categorical")


def table(entry, rows=ROWS):
    """Rows that the observation model takes, and their mask."""
    generator = torch.Generator().manual_seed(1)
    if entry["kind"] in DISCRETE:
        x = torch.randint(2, (rows, FEATURES), generator=generator).float()
    else:
        x = torch.randn(rows, FEATURES, generator=generator)
    return x, (torch.rand(rows, FEATURES, generator=generator) < 0.6).float()


def decoded(entry, samples=SAMPLES):
    spec = observations.parse(entry)
    module = spec.build(FEATURES)
    outputs = torch.randn(samples, ROWS, spec.outputs(FEATURES), generator=torch.Generator().manual_seed(2))
    return module, outputs, module(outputs)


def test_every_registered_model_is_tried():
    # test_mixed.py has the one that consists of the others.
    assert sorted({entry["kind"] for entry in ENTRIES.values()} | {"mixed"}) == observations.names()


def log_density(entry, module, outputs, x):
    """`log p(x_j | z)` by scipy, `[K, B, D]`."""
    if entry["kind"] == "bernoulli":
        return stats.bernoulli.logpmf(x, expit(outputs))
    if entry["kind"] == "categorical":
        sizes = observations.parse(entry).of_each(FEATURES)
        blocks = np.split(outputs, np.cumsum(sizes)[:-1], -1)
        codes = x.astype(int)
        of_each = [log_softmax(b, -1)[:, np.arange(ROWS), codes[:, j]] for j, b in enumerate(blocks)]
        return np.stack(of_each, -1)
    if entry["kind"] == "gaussian_mixture":
        logits = outputs.reshape(*outputs.shape[:-1], -1, FEATURES)
        log_shares = logits - logsumexp(logits, axis=-2, keepdims=True)
        means, raw = (each.detach().double().numpy()[:, None] for each in (module.means, module.raw_scales))
        scales = module.floor + np.logaddexp(0, raw)
        return logsumexp(log_shares + stats.norm.logpdf(x[:, None], means, scales), axis=-2)
    raw = module.raw_scale.detach().double().numpy()
    if entry.get("network_scale"):
        outputs, extra = np.split(outputs, 2, -1)
        raw = raw + extra
    scale = module.floor + np.logaddexp(0, raw)
    if entry["kind"] == "student_t":
        degrees = module.degrees_floor + np.logaddexp(0, module.raw_degrees.detach().double().numpy())
        return stats.t.logpdf(x, degrees, outputs, scale)
    return stats.norm.logpdf(x, outputs, scale)


@EVERY_ENTRY
@torch.no_grad()
def test_log_density_sums_over_what_was_observed(entry):
    module, outputs, px = decoded(entry)
    x, s = table(entry)
    expected = (s.numpy() * log_density(entry, module, outputs.double().numpy(), x.double().numpy())).sum(-1)
    assert px.log_prob(x, s).numpy() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    # What stands in a missing cell is of no consequence.
    assert torch.equal(px.log_prob(torch.where(s.bool(), x, 7.0), s), px.log_prob(x, s))


@EVERY_ENTRY
@torch.no_grad()
def test_features_and_samples_of_z_can_be_picked(entry):
    _, _, px = decoded(entry)
    chosen = torch.randint(SAMPLES, (5, ROWS), generator=torch.Generator().manual_seed(3))
    x, s = table(entry)
    index = torch.tensor([2, 0])
    parts = px.columns(index).log_prob(x[:, index], torch.ones(ROWS, 2))
    alone = [px.log_prob(x, torch.eye(FEATURES)[j].expand(ROWS, -1)) for j in index]
    assert torch.allclose(parts, sum(alone), atol=1e-5)
    picked = px.pick(chosen)
    assert torch.allclose(picked.log_prob(x, s), px.log_prob(x, s)[chosen, torch.arange(ROWS)], atol=1e-5)
    assert torch.equal(picked.columns(index).mean, px.mean[chosen, torch.arange(ROWS)][..., index])


@EVERY_ENTRY
@torch.no_grad()
def test_draws_have_the_models_law(entry):
    _, _, px = decoded(entry)
    each = torch.zeros(8000, ROWS, dtype=torch.long)
    draws = px.pick(each).sample(torch.Generator().manual_seed(4))[:, 0].double().numpy()
    for j in range(FEATURES):
        if entry["kind"] in DISCRETE:
            values = np.arange(max(2, px.nodes(0).values.shape[0]))
            weights = px.nodes(0).log_weights[:, 0, 0, j].exp().numpy()
            counts = (draws[:, j, None] == values).mean(0)
            assert counts == pytest.approx(weights, abs=0.03)
            continue
        if entry["kind"] == "gaussian_mixture":
            shares = px.log_shares[:, 0, 0, j].exp().numpy()

            def cdf(x, shares=shares):
                return shares @ stats.norm.cdf(x, px.means[:, None], px.scales[:, None])

            assert stats.kstest(draws[:, j], cdf).pvalue > 1e-3
            continue
        scale = px.scale.expand(px.mean.shape)[0, 0, j].item()
        centred = (draws[:, j] - px.mean[0, 0, j].item()) / scale
        law = stats.norm if entry["kind"] == "gaussian" else stats.t(px.degrees.expand(FEATURES)[j].item())
        assert stats.kstest(centred, law.cdf).pvalue > 1e-3


@EVERY_ENTRY
@torch.no_grad()
def test_nodes_carry_all_the_mass(entry):
    _, _, px = decoded(entry)
    nodes = px.nodes(65)
    assert torch.allclose(nodes.log_weights.exp().sum(0), torch.ones(()), atol=1e-5)


@EVERY_ENTRY
@pytest.mark.parametrize("kind", processes.names())
def test_the_bounds_gradient_reaches_every_parameter_of_every_combination(entry, kind):
    spec = ModelSpec(latent_size=2, encoder={"kind": "linear"}, observation=entry)
    x, s = table(entry, rows=30)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        process = processes.parse({"kind": kind}).build(torch.tensor([0, 2]), x, s)
        s[:, 1] = 1.0
        model = NotMIWAE(spec, FEATURES, process)
    drawn = model.importance_samples(x * s, s, 5, torch.Generator().manual_seed(6))
    iwae_bound(drawn.log_weights).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name
    with torch.no_grad():
        chosen = torch.zeros(3, 30, dtype=torch.long)
        draws = drawn.missing.sample(chosen, torch.Generator().manual_seed(7))
        average = drawn.missing.average(drawn.log_weights.softmax(0))
    missing = s == 0
    assert draws[:, missing].isfinite().all()
    assert average[missing].isfinite().all()
    if entry["kind"] in DISCRETE:
        assert torch.equal(draws[:, missing], draws[:, missing].round())
    if entry["kind"] == "categorical":
        assert torch.equal(average[missing], average[missing].round())


def test_weights_of_sampled_codes_have_the_gradient_of_their_expectation():
    """`E[p(s | x_m)]` over x_m ~ p(x_m | z): its gradient in the logits, by samples and by the exact sum."""
    x, s = torch.zeros(1, 1), torch.zeros(1, 1)
    gradients = []
    for marginal, samples in (("exact", 1), ("sampled", 40_000)):
        process = processes.parse({"kind": "self_masking", "marginal": marginal}).build(
            torch.tensor([0]), torch.linspace(0, 0.9, 20)[:, None], torch.ones(20, 1)
        )
        logit = torch.tensor(0.3, requires_grad=True)
        px = observations.parse({"kind": "bernoulli"}).build(1)(logit.expand(samples, 1, 1))
        log_weights = process(px, x, s, torch.Generator().manual_seed(8)).log_prob
        iwae_bound(log_weights).sum().backward()
        gradients.append(logit.grad.item())
    assert gradients[1] == pytest.approx(gradients[0], rel=0.05)


@pytest.mark.parametrize("kind", DISCRETE)
@pytest.mark.parametrize("value", [-1.0, 0.5, 3.0, 9.0])
def test_a_value_that_is_no_code_is_named(kind, value):
    entry = {"kind": kind, **({"categories": 3} if kind == "categorical" else {})}
    spec, (x, s) = observations.parse(entry), table(entry)
    x[2, 1], s[2, 1] = value, 1.0
    accepted = f"the codes 0 to {2 if kind == 'categorical' else 1}"
    with pytest.raises(
        DataError, match=f"^column 'b' holds {value:g}; accepted by its observation model: {accepted}$"
    ):
        spec.check(x, s, ("a", "b", "c"))
    # What stands in a missing cell is of no consequence.
    s[2, 1] = 0.0
    spec.check(x, s, ("a", "b", "c"))


@EVERY_ENTRY
def test_every_code_and_every_real_value_is_taken(entry):
    spec = observations.parse(entry)
    x = torch.tensor([[max(0, count - 1) or -0.5 for count in spec.levels(FEATURES)], [0.0] * FEATURES])
    spec.check(x, torch.ones_like(x), ("a", "b", "c"))


def test_codes_are_not_standardised():
    for entry in ENTRIES.values():
        spec = ModelSpec(latent_size=1, observation=entry)
        assert spec.standardised(FEATURES) == [entry["kind"] not in DISCRETE] * FEATURES


def test_as_many_numbers_of_categories_as_columns():
    spec = observations.parse({"kind": "categorical", "categories": [2, 3]})
    assert spec.outputs(2) == 5
    with pytest.raises(ParameterError, match=r"^categories: 2 numbers for 3 columns"):
        spec.build(3)
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        observations.parse({"kind": "categorical", "categories": [2, 1]})


def test_components_of_a_mixture_start_evenly_spaced_and_keep_their_floor():
    entry = {"kind": "gaussian_mixture", "components": 4, "first": -1.0, "last": 2.0, "floor": 0.1}
    module = observations.parse(entry | {"initial_scale": 0.3}).build(2)
    px = module(torch.zeros(1, 1, 8))
    assert px.means.tolist() == pytest.approx([-1, 0, 1, 2])
    assert px.scales.tolist() == pytest.approx([0.3] * 4)
    assert px.mean.flatten().tolist() == pytest.approx([0.5, 0.5])
    with torch.no_grad():
        module.raw_scales.fill_(-100.0)
    assert module(torch.zeros(1, 1, 8)).scales.tolist() == pytest.approx([0.1] * 4)
    with pytest.raises(ValueError, match=r"first \(2\) must be less than last \(1\)"):
        observations.parse({"kind": "gaussian_mixture", "first": 2.0, "last": 1.0})


@pytest.mark.parametrize("scale", [0.06, 0.7, 30.0, 1e4])
def test_a_scale_starts_where_it_is_told_to(scale):
    for kind in ("gaussian", "student_t"):
        entry = {"kind": kind, "floor": 0.05, "initial_scale": scale}
        px = observations.parse(entry).build(1)(torch.zeros(1, 1, 1))
        assert px.scale.item() == pytest.approx(scale, rel=1e-5)


def test_a_floor_keeps_the_variance_finite():
    with pytest.raises(ValueError, match="greater than 2"):
        observations.parse({"kind": "student_t", "degrees_floor": 2.0})
    for kind in ("gaussian", "student_t"):
        module = observations.parse({"kind": kind, "floor": 0.1, "initial_scale": 0.6}).build(2)
        assert module(torch.zeros(1, 1, 2)).scale.tolist() == pytest.approx([0.6, 0.6])
        with torch.no_grad():
            module.raw_scale.fill_(-100.0)
        assert module(torch.zeros(1, 1, 2)).scale.tolist() == pytest.approx([0.1, 0.1])
