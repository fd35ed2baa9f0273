"""Self-masking: where edges are at first, the limits they stay within, and directions."""

import math

import pytest
import torch
from scipy.special import ndtr

from notmiwae.model.missing_process.missing_process import Features, processes


@pytest.mark.parametrize(("direction", "quantile"), [("high", 0.95), ("low", 0.05)])
def test_edges_start_at_the_edge_of_what_was_observed(direction, quantile):
    x = torch.arange(101.0)[:, None].repeat(1, 2) * torch.tensor([1.0, 10.0])
    s = torch.ones_like(x)
    s[90:, 1] = 0
    process = processes.parse({"kind": "self_masking", "direction": direction}).build(
        torch.tensor([0, 1]), x, s
    )
    expected = [100 * quantile, 890 * quantile]
    assert process.edge.tolist() == pytest.approx(expected, abs=10)
    assert (process.slopes_and_edges()[0] > 0).all() == (direction == "high")


def test_a_shared_edge_is_one_for_all_features():
    x = torch.randn(60, 4, generator=torch.Generator().manual_seed(6))
    for kind in ("self_masking", "two_sided", "interval"):
        spec = processes.parse({"kind": kind, "shared": True})
        process = spec.build(torch.tensor([0, 1, 3]), x, torch.ones_like(x))
        assert all(parameter.shape == (1,) for parameter in process.parameters())
        probability = process.missing_probability(torch.full((1, 4), 1.5))[0]
        assert probability[0] == probability[1] == probability[3] > 0
        assert probability[2] == 0


def test_an_unknown_direction_is_trained_from_both_and_built_from_neither():
    unknown = processes.parse({"kind": "self_masking", "direction": "unknown", "initial_slope": 2.0})
    assert [start.direction for start in unknown.starts()] == ["high", "low"]
    assert all(start.initial_slope == 2.0 for start in unknown.starts())
    with pytest.raises(ValueError, match="one direction"):
        unknown.build(torch.tensor([0]), torch.zeros(2, 1), torch.ones(2, 1))


@pytest.mark.parametrize(("direction", "extreme"), [("high", max), ("low", min)])
def test_an_edge_stays_within_what_was_observed(direction, extreme):
    x, s = torch.randn(50, 2, generator=torch.Generator().manual_seed(3)), torch.ones(50, 2)
    s[:25, 1] = 0
    process = processes.parse({"kind": "self_masking", "direction": direction}).build(torch.arange(2), x, s)
    outermost = [extreme(x[:, 0].tolist()), extreme(x[25:, 1].tolist())]
    least, greatest = process.limits()["edge"]
    edge = process.edge.detach()
    assert torch.equal(edge.clamp(least, greatest), edge)
    beyond, within = (edge + away * process.sign for away in (9.0, -9.0))
    assert beyond.clamp(least, greatest).tolist() == pytest.approx(outermost)
    assert torch.equal(within.clamp(least, greatest), within)


def test_a_known_process_has_nothing_to_learn():
    x = torch.linspace(-3, 3, 60).reshape(20, 3)
    entry = {"kind": "self_masking", "direction": "low", "known": {"slope": 4.0, "edge": -0.5}}
    process = processes.parse(entry).build(torch.tensor([0, 2]), x, torch.ones_like(x))
    assert not list(process.parameters())
    assert not process.state_dict()
    assert not process.limits()
    assert [each["midpoints"] for each in process.learnt()] == [[-0.5], [-0.5]]
    expected = ndtr(-4.0 * (x[:, 0] + 0.5).numpy())
    assert process.missing_probability(x)[:, 0].numpy() == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match="greater than 0"):
        processes.parse(entry | {"known": {"slope": -4.0, "edge": 0.0}})


def test_limits_are_those_of_parameters_in_a_process_by_column_too():
    x, s = torch.randn(50, 3, generator=torch.Generator().manual_seed(3)), torch.ones(50, 3)
    entry = {"high": {"kind": "self_masking"}, "low": {"kind": "self_masking", "direction": "low"}}
    columns = {"a": entry["low"], "b": entry["high"], "c": {"kind": "mcar"}}
    process = processes.parse({"kind": "by_column", "columns": columns}).build(
        torch.arange(3), x, s, Features(tuple("abc"), (0, 0, 0), (0, 1, 2))
    )
    limits = process.limits()
    parameters = dict(process.named_parameters())
    assert all(each.shape == parameters[name].shape for name in limits for each in limits[name])
    assert [limits[name][0].item() for name in limits] == [pytest.approx(x[:, 0].min().item()), -math.inf]
    assert [limits[name][1].item() for name in limits] == [math.inf, pytest.approx(x[:, 1].max().item())]
