"""Where each missing process starts, what its settings do, and what it says it learnt."""

import math

import pytest
import torch
from sample_means import sample_means
from torch.nn.functional import softplus

from notmiwae.model.distributions import Normal
from notmiwae.model.missing_process.agnostic import RowProcess
from notmiwae.model.missing_process.ignorable import IgnorableProcess
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.missing_process.separable import SeparableProcess
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.observation.observation_model import observations

COLUMNS = torch.tensor([0, 2])
SEPARABLE = ("self_masking", "two_sided", "interval")


def column(values):
    """A table of three columns, of which the second alone can be missing, and is where it's None."""
    x = torch.zeros(len(values), 3)
    s = torch.ones(len(values), 3)
    x[:, 1] = torch.tensor([0.0 if value is None else float(value) for value in values])
    s[:, 1] = torch.tensor([float(value is not None) for value in values])
    return torch.tensor([1]), x, s


def built(kind, values, **settings):
    return processes.parse({"kind": kind, **settings}).build(*column(values))


def edges(process):
    (found,) = process.learnt()
    return found["midpoints"]


# --- starts


def test_a_rate_starts_at_the_tables_own_with_half_a_cell_more_of_either():
    (learnt,) = built("mcar", [1, 2, None, 4, None, 6, 7]).learnt()
    assert learnt == {"column": 1, "rate": pytest.approx(2.5 / 8)}


@pytest.mark.parametrize(("direction", "edge", "limit"), [("high", 95, 100), ("low", 5, 0)])
def test_an_edge_starts_at_the_edge_of_what_was_observed_and_stays_within_it(direction, edge, limit):
    process = built("self_masking", [*range(101), None], direction=direction, initial_slope=4.0)
    assert process.learnt() == [
        {"column": 1, "direction": direction, "slope": pytest.approx(4.0), "midpoints": [edge]}
    ]
    ((least, most),) = process.limits().values()
    assert (least.item(), most.item()) == ((-math.inf, limit) if direction == "high" else (limit, math.inf))


def test_two_sides_start_at_the_edges_of_what_was_observed():
    assert edges(built("two_sided", [*range(101), None])) == pytest.approx([5, 95])


def test_an_interval_starts_at_the_widest_gap():
    assert edges(built("interval", [0, 0.1, 0.2, 0.3, 2.3, 2.4, 2.5, 2.6])) == pytest.approx([0.3, 2.3])


def test_a_gap_among_the_most_extreme_twentieths_is_none():
    values = [-50.0, *(0.1 * place for place in range(10)), *(3 + 0.1 * place for place in range(10)), 90.0]
    spread = torch.tensor(values).std(correction=0).item()
    lower, upper = edges(built("interval", values))
    # The gap of 2.1 is narrower than half a deviation, to which it's widened on both sides.
    assert (lower + upper) / 2 == pytest.approx((0.9 + 3.0) / 2, abs=1e-4)
    assert upper - lower == pytest.approx(spread / 2, rel=1e-5)


def test_a_narrow_gap_is_widened_to_half_a_deviation():
    values = [0.0, 1.0, 2.0, 3.1, 4.1, 5.1]
    lower, upper = edges(built("interval", values))
    assert (lower + upper) / 2 == pytest.approx(2.55)
    spread = torch.tensor(values).std(correction=0).item()
    assert upper - lower == pytest.approx(max(spread / 2, 1.1))


@pytest.mark.parametrize(("values", "centre"), [([2.0, 4.0], 3.0), ([2.0], 2.0)])
def test_an_interval_starts_from_one_or_two_values(values, centre):
    lower, upper = edges(built("interval", values))
    assert (lower + upper) / 2 == pytest.approx(centre)
    assert 0 < upper - lower <= 2.0 + 1e-6


@pytest.mark.parametrize("kind", SEPARABLE)
def test_a_complete_table_has_no_edge_to_start(kind):
    x = torch.randn(5, 3)
    process = processes.parse({"kind": kind}).build(torch.tensor([], dtype=torch.long), x, torch.ones(5, 3))
    assert process.learnt() == []
    assert all(parameter.shape == (0,) for parameter in process.parameters())


def test_an_unknown_direction_has_to_be_trained_both_ways():
    spec = processes.parse({"kind": "self_masking", "direction": "unknown"})
    assert [start.direction for start in spec.starts()] == ["high", "low"]
    with pytest.raises(ValueError, match=r"^train each of `starts\(\)`: a process has one direction$"):
        spec.build(*column([1.0, 2.0]))


# --- settings


def met(process, features=3):
    """The process's `Missing` of rows that all miss the columns with a process, and p(x | z)."""
    px = Normal(torch.linspace(-1, 1, 4 * 2 * features).reshape(4, 2, features), torch.full((features,), 0.6))
    s = torch.ones(2, features)
    s[:, process.columns] = 0.0
    return process(px, torch.zeros(2, features), s, torch.Generator().manual_seed(0)), px, s


@pytest.mark.parametrize("marginal", ["exact", "sampled"])
@pytest.mark.parametrize("kind", SEPARABLE)
@torch.no_grad()
def test_the_decoders_mean_is_imputed_where_that_is_asked_for(kind, marginal):
    alpha = torch.rand(4, 2, generator=torch.Generator().manual_seed(1)).softmax(0)
    for wanted in ("decoder", "truncated"):
        found, px, _ = met(
            built(kind, [0.1, 0.2, 0.7, 1.5, None], marginal=marginal, imputed_mean=wanted, initial_slope=9.0)
        )
        assert torch.equal(sample_means(found)[..., 1], px.mean[..., 1]) == (wanted == "decoder")
        assert torch.allclose(found.average(alpha)[:, 1], px.average(alpha)[:, 1]) == (wanted == "decoder")


@pytest.mark.parametrize("kind", SEPARABLE)
@torch.no_grad()
def test_a_sampled_marginal_scores_the_sampled_values(kind):
    process = built(kind, [0.1, 0.2, 0.7, 1.5, None], marginal="sampled")
    found, _, s = met(process)
    values = sample_means(found)
    expected = process.log_missing(values[..., [1]]).sum(-1)
    assert torch.allclose(found.log_prob, expected)
    assert torch.equal(values[..., s[0].bool()], torch.zeros(4, 2, 2))


# --- what is kept


@pytest.mark.parametrize("kind", processes.names())
def test_weights_are_what_is_learnt_and_nothing_else(kind):
    """Buffers follow from the spec: a saved model that held them could contradict it."""
    x = torch.randn(20, 4)
    x[:, 3] = torch.randint(3, (20,)).float()
    parts = [
        {"columns": [0, 1, 2], "observation": {"kind": "gaussian"}},
        {"columns": [3], "observation": {"kind": "categorical", "categories": 3}},
    ]
    spec = ModelSpec(latent_size=2, observation={"kind": "mixed", "parts": parts})
    process = processes.parse({"kind": kind}).build(torch.tensor([0, 3]), x, torch.ones_like(x))
    model = NotMIWAE(spec, 4, process)
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize(("features", "latent_size"), [(1, 1), (2, 1), (3, 2), (6, 5)])
def test_the_latent_has_one_dimension_less_than_the_features_unless_told(features, latent_size):
    model = NotMIWAE(ModelSpec(latent_size=None), features, IgnorableProcess(torch.tensor([0])))
    x = torch.zeros(3, features)
    assert model.encode(x, torch.ones_like(x)).mean.shape == (3, latent_size)
    told = NotMIWAE(ModelSpec(latent_size=4), features, IgnorableProcess(torch.tensor([0])))
    assert told.encode(x, torch.ones_like(x)).mean.shape == (3, 4)


# --- codes, which can't be reparameterised


class Sum(RowProcess):
    def logits(self, x):
        return x.sum(-1, keepdim=True).expand(*x.shape[:-1], len(self.columns))


@pytest.mark.parametrize(
    "entry",
    [{"kind": "bernoulli"}, {"kind": "categorical", "categories": 3}],
    ids=lambda entry: entry["kind"],
)
@pytest.mark.parametrize("process", [Sum(COLUMNS), built("self_masking", [0, 1, None], marginal="sampled")])
def test_sampled_codes_leave_the_weights_alone_and_give_the_decoder_their_scores_gradient(process, entry):
    spec = observations.parse(entry)
    decoded = torch.randn(5, 2, spec.outputs(3), generator=torch.Generator().manual_seed(2))
    decoded.requires_grad_()
    px = spec.build(3)(decoded)
    x, s = torch.ones(2, 3), torch.ones(2, 3)
    s[:, process.columns] = 0.0
    found = process(px, x, s, torch.Generator().manual_seed(3))
    values = sample_means(found)
    missing = -softplus(-process.logits(values)) if isinstance(process, Sum) else None
    if missing is None:
        missing = process.log_missing(values[..., process.columns])
    assert torch.allclose(found.log_prob, missing.sum(-1))
    (gradient,) = torch.autograd.grad(found.log_prob.sum(), decoded, retain_graph=True)
    (expected,) = torch.autograd.grad(px.log_prob(values, 1.0 - s).sum(), decoded)
    assert expected.abs().max() > 0.1
    assert torch.allclose(gradient, expected, atol=1e-6)


# --- a user's own process, at the end of its range


class Certain(SeparableProcess):
    def log_missing(self, x):
        return torch.zeros_like(x)


def test_what_is_certain_to_go_missing_is_improbable_to_be_seen_but_not_impossible():
    observed = Certain(COLUMNS).log_observed(torch.zeros(3))
    assert torch.isfinite(observed).all()
    assert (observed < -15).all()


@pytest.mark.parametrize("entry", [{"kind": "gaussian"}, {"kind": "categorical", "categories": 3}])
@torch.no_grad()
def test_draws_by_quadrature_depend_on_the_generator_alone(entry):
    class Rising(SeparableProcess):
        def log_missing(self, x):
            return -softplus(-2.0 * x)

    spec = observations.parse(entry)
    px = spec.build(3)(torch.randn(6, 2, spec.outputs(3), generator=torch.Generator().manual_seed(4)))
    given = Rising(COLUMNS).drawing(px.columns(COLUMNS))
    first, again, other = (given.sample(torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
