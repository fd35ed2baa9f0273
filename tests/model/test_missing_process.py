"""What every missing process promises, and the processes that sample or ignore."""

import pytest
import torch
from sample_means import sample_means
from scipy.stats import kstest
from torch.nn.functional import logsigmoid

from notmiwae.model.distributions import Normal
from notmiwae.model.missing_process.missing_process import processes

SAMPLES, ROWS, FEATURES = 6, 9, 4
COLUMNS = torch.tensor([0, 2])
CHOSEN = torch.randint(SAMPLES, (11, ROWS), generator=torch.Generator().manual_seed(0))
"""Which sample of z each of 11 draws of each row is to come from."""


def process(kind, columns=COLUMNS):
    """A process of the kind over two of four features, and p(x | z), x and s to meet it."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, FEATURES, generator=generator)
    s = torch.ones(ROWS, FEATURES)
    s[:, COLUMNS] = (torch.rand(ROWS, 2, generator=generator) < 0.5).float()
    px = Normal(torch.randn(SAMPLES, ROWS, FEATURES, generator=generator), torch.full((FEATURES,), 0.7))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        module = processes.parse({"kind": kind}).build(columns, x, s)
    return module, px, x, s


EVERY_KIND = pytest.mark.parametrize("kind", processes.names())
AGNOSTIC = pytest.mark.parametrize("kind", ["agnostic_linear", "agnostic_nonlinear"])


@EVERY_KIND
@torch.no_grad()
def test_a_process_gives_a_log_probability_a_mean_and_a_draw_for_each_sample_of_z(kind):
    module, px, x, s = process(kind)
    found = module(px, x, s, torch.Generator().manual_seed(3))
    assert found.log_prob.expand(SAMPLES, ROWS).isfinite().all()
    assert (found.log_prob <= 0).all()
    assert sample_means(found).shape == (SAMPLES, ROWS, FEATURES)
    assert sample_means(found).isfinite().all()
    draws = found.sample(CHOSEN, torch.Generator().manual_seed(4))
    assert draws.shape == (*CHOSEN.shape, FEATURES)
    assert draws.isfinite().all()


@EVERY_KIND
@torch.no_grad()
def test_what_stands_in_missing_cells_is_of_no_consequence(kind):
    module, px, x, s = process(kind)
    first = module(px, x * s, s, torch.Generator().manual_seed(3))
    second = module(px, torch.where(s.bool(), x, 7.0), s, torch.Generator().manual_seed(3))
    missing = ~s.bool().expand(SAMPLES, -1, -1)
    assert torch.equal(first.log_prob, second.log_prob)
    assert torch.equal(sample_means(first)[missing], sample_means(second)[missing])


@EVERY_KIND
@torch.no_grad()
def test_only_columns_with_a_process_have_a_probability_to_go_missing(kind):
    module, _, x, _ = process(kind)
    probability = module.missing_probability(x)
    assert probability.shape == x.shape
    assert ((probability >= 0) & (probability <= 1)).all()
    assert torch.equal(probability[:, [1, 3]], torch.zeros(ROWS, 2))
    assert (probability[:, COLUMNS] > 0).all() == (kind != "ignorable")


@EVERY_KIND
def test_a_process_has_settings_to_start_from_and_can_be_built_from_each(kind):
    _, _, x, s = process(kind)
    for start in processes.parse({"kind": kind}).starts():
        assert start.build(COLUMNS, x, s).columns.tolist() == COLUMNS.tolist()


@torch.no_grad()
def test_ignorable_missingness_leaves_the_weights_alone_and_draws_from_the_decoder():
    module, px, x, s = process("ignorable")
    found = module(px, x, s, torch.Generator())
    assert found.log_prob == 0
    assert torch.equal(sample_means(found), px.mean)
    many = Normal(torch.full((5000, 1, 1), 2.0), torch.tensor([0.3]))
    each = torch.arange(5000)[:, None]
    draws = module(many, x, s, torch.Generator()).sample(each, torch.Generator().manual_seed(5))
    assert kstest(draws.flatten().double().numpy(), "norm", args=(2.0, 0.3)).pvalue > 1e-3


@EVERY_KIND
@torch.no_grad()
def test_draws_come_from_the_chosen_samples_of_z(kind):
    """Samples of z far apart: a draw's size says which of them it came from."""
    module, _, x, _ = process(kind)
    places = 100.0 * torch.arange(SAMPLES)
    px = Normal(places[:, None, None].expand(-1, ROWS, FEATURES).clone(), torch.full((FEATURES,), 0.7))
    found = module(px, x, torch.zeros(ROWS, FEATURES), torch.Generator())
    draws = found.sample(CHOSEN, torch.Generator())[..., [1, 3]]  # no process moves these
    assert ((draws / 100).round() == CHOSEN[..., None]).all()


@EVERY_KIND
@torch.no_grad()
def test_a_sample_of_z_that_is_chosen_twice_gives_two_draws_unless_its_values_were_sampled(kind):
    module, px, x, s = process(kind)
    twice = torch.zeros(2, ROWS, dtype=torch.long)
    draws = module(px, x, s, torch.Generator()).sample(twice, torch.Generator())
    missing = s == 0
    assert (draws[0] == draws[1])[missing].all() == kind.startswith("agnostic")
    assert (draws[0] == draws[1])[missing].any() == kind.startswith("agnostic")


@AGNOSTIC
@torch.no_grad()
def test_agnostic_log_probability_is_the_networks_at_the_completed_row(kind):
    module, px, x, s = process(kind)
    found = module(px, x, s, torch.Generator().manual_seed(6))
    completed = sample_means(found)
    observed = s.bool().expand_as(completed)
    assert torch.equal(completed[observed], x.expand_as(completed)[observed])
    logits = module.network(completed)
    masked = s[:, COLUMNS] == 0
    expected = torch.where(masked, logsigmoid(logits), logsigmoid(-logits)).sum(-1)
    assert torch.allclose(found.log_prob, expected)
    draws = found.sample(CHOSEN, torch.Generator())
    assert torch.equal(draws[3, 5], completed[CHOSEN[3, 5], 5])
    assert torch.equal(draws[10, 0], completed[CHOSEN[10, 0], 0])


@AGNOSTIC
@torch.no_grad()
def test_agnostic_missing_probability_is_what_the_mask_is_scored_by(kind):
    module, px, x, _ = process(kind)
    everything = torch.ones_like(x)
    found = module(px, x, everything, torch.Generator())
    expected = torch.log1p(-module.missing_probability(x)[:, COLUMNS]).sum(-1)
    assert torch.allclose(found.log_prob, expected.expand(SAMPLES, -1), atol=1e-6)


@AGNOSTIC
def test_gradients_flow_through_sampled_values_to_the_decoder(kind):
    module, px, x, s = process(kind)
    mean, scale = px.mean.requires_grad_(), px.scale.requires_grad_()
    log_prob = module(Normal(mean, scale), x, s, torch.Generator().manual_seed(7)).log_prob
    of_mean, of_scale = torch.autograd.grad(log_prob.sum(), [mean, scale])
    assert torch.equal(of_mean != 0, (s == 0).expand_as(mean))
    assert (of_scale[COLUMNS] != 0).all()
