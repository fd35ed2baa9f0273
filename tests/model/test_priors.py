"""Priors: densities that integrate to one, and gradients that reach what is learnt."""

import pytest
import torch
from scipy import stats

from notmiwae.model.bound import iwae_bound
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.priors import priors

EVERY_PRIOR = pytest.mark.parametrize("kind", priors.names())


def built(kind, latent_size):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return priors.parse({"kind": kind}).build(latent_size)


@EVERY_PRIOR
@torch.no_grad()
def test_the_density_integrates_to_one(kind):
    line = torch.linspace(-8, 8, 401)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1)
    density = built(kind, 2)(grid).exp()
    assert density.shape == (401, 401)
    assert density.sum().item() * (line[1] - line[0]).item() ** 2 == pytest.approx(1, abs=1e-4)


@torch.no_grad()
def test_a_mixture_is_the_mean_of_its_components():
    prior = built("mixture", 3)
    z = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(2))
    scales = 0.05 + prior.raw_scales.exp().log1p()
    parts = [
        stats.norm.pdf(z.numpy(), mean.numpy(), scale.numpy()).prod(-1)
        for mean, scale in zip(prior.means, scales, strict=True)
    ]
    assert prior(z).exp().numpy() == pytest.approx(sum(parts) / len(parts), rel=1e-4)


@EVERY_PRIOR
def test_a_mixture_starts_as_wide_as_the_standard_normal(kind):
    if kind == "standard_normal":
        assert not list(built(kind, 2).parameters())
        return
    prior = priors.parse({"kind": kind, "components": 2000}).build(1)
    variance = prior.means.var() + 0.5
    assert variance.item() == pytest.approx(1, abs=0.1)


@EVERY_PRIOR
def test_the_bounds_gradient_reaches_the_prior(kind):
    x, s = torch.randn(20, 3, generator=torch.Generator().manual_seed(3)), torch.ones(20, 3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        process = processes.parse({"kind": "ignorable"}).build(torch.tensor([0]), x, s)
        model = NotMIWAE(ModelSpec(latent_size=2, prior={"kind": kind}), 3, process)
    weights = model.importance_samples(x, s, 5, torch.Generator().manual_seed(5)).log_weights
    iwae_bound(weights).mean().backward()
    assert all((each.grad != 0).all() for each in model.prior.parameters())
