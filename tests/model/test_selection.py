"""Selection against quadrature: drivers, a share lost at random, gaps that come together, rates by code."""

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import norm
from torch.autograd import gradcheck

from notmiwae.errors import ParameterError
from notmiwae.model.distributions import Normal
from notmiwae.model.missing_process.by_column import build_process
from notmiwae.model.missing_process.missing_process import Features, processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.observation.observation_model import observations

K, B, D = 3, 8, 4
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(B, D, generator=GENERATOR, dtype=torch.float64)
S = (torch.rand(B, D, generator=GENERATOR) < 0.5).double()
S[:, 3] = 1.0
W = torch.randn(K, B, 1, generator=GENERATOR, dtype=torch.float64)
PX = Normal(
    torch.randn(K, B, D, generator=GENERATOR, dtype=torch.float64),
    torch.tensor([0.5, 0.8, 1.1, 0.7], dtype=torch.float64),
)
COLUMNS = torch.tensor([0, 1, 2])
GRID = np.linspace(-30, 30, 60_001)
SETTINGS = [
    {"direction": "high"},
    {"direction": "low", "given": ["d"]},
    {"direction": "none", "given": "others"},
    {"direction": "high", "at_random": True},
    {"direction": "low", "given": "others", "at_random": True, "together": "g"},
    {"direction": "none", "together": "g", "at_random": True},
    {"direction": "low", "given": ["d"], "shared": True},
]


def built(entry, columns=COLUMNS, x=X, s=S, codes=(0, 0, 0, 0)):
    features = Features(("a", "b", "c", "d"), codes, tuple(columns.tolist()))
    process = (
        processes.parse({"kind": "selection", "initial_slope": 1.0} | entry)
        .build(columns, x, s, features)
        .double()
    )
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in process.parameters():
            parameter += 0.5 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return process


def by_hand(process, place, k, row, value):
    """p(s_j = 0 | x_j, z_k, w_k) of a column, from the formula alone."""
    spec, column = process.specs[place], int(process.columns[place])
    filled = np.where(S[row] == 1, X[row], PX.mean[k, row])
    edge = process.edge[place].item()
    if spec.given:
        drivers = {"others": [j for j in range(D) if j != column]}.get(spec.given, [3])
        edge += sum(process.coefficients[place, j].item() * filled[j] for j in drivers)
    if spec.together:
        edge += process.loading[place].item() * W[k, row, 0].item()
    own = process.log_slope.mean() if spec.shared else process.log_slope[place]
    slope = own.exp().item() * (-1 if spec.direction == "low" else 1)
    index = -edge if spec.direction == "none" else slope * (value - edge)
    share = process.share_logit[place].sigmoid().item() if spec.at_random else 0.0
    return share + (1 - share) * ndtr(index)


def test_drivers_that_are_shrunk_have_a_laplace_prior_and_others_none():
    entry = {"kind": "selection", "direction": "low", "given": "complete"}
    process = built(entry | {"shrunk": True})
    parameters = dict(process.named_parameters())
    # The fourth column alone is complete.
    by_hand = -float(parameters["coefficients"][:, 3].detach().abs().sum()) / 0.15
    assert float(process.log_prior(parameters)) == pytest.approx(by_hand)
    together = {name: torch.stack([values, values]) for name, values in parameters.items()}
    assert process.log_prior(together).tolist() == pytest.approx([by_hand] * 2)
    plain = built(entry)
    assert float(plain.log_prior(dict(plain.named_parameters()))) == 0.0
    assert built({"direction": "low"}).log_prior({}) == 0.0


def test_whether_drivers_decide_is_tried_with_them_and_without():
    spec = processes.parse({"kind": "selection", "direction": "low", "given": "perhaps"})
    tried = spec.starts()
    assert [(each.given, each.shrunk) for each in tried] == [("complete", True), ((), False)]
    assert all(each.starts() == [each] for each in tried)
    both = processes.parse({"kind": "selection", "direction": "unknown", "given": "perhaps"}).starts()
    assert [(each.direction, each.given) for each in both] == [("high", "perhaps"), ("low", "perhaps")]
    with pytest.raises(ValueError, match="train each of"):
        spec.build(COLUMNS, X, S)
    for each in (spec, *tried):
        assert processes.parse(each.to_mapping()) == each


@pytest.mark.parametrize("entry", SETTINGS, ids=str)
@torch.no_grad()
def test_probabilities_means_and_draws_are_those_of_quadrature(entry):
    process = built(entry)
    missing = process(PX, X, S, torch.Generator().manual_seed(2), W)
    expected = np.zeros((K, B))
    for k, row, place in np.ndindex(K, B, 3):
        column = int(COLUMNS[place])
        mean, scale = PX.mean[k, row, column].item(), PX.scale[column].item()
        density = norm(mean, scale).pdf(GRID) * (GRID[1] - GRID[0])
        gone = by_hand(process, place, k, row, GRID) * np.ones_like(GRID)
        if S[row, column]:
            expected[k, row] += np.log1p(-by_hand(process, place, k, row, X[row, column].item()))
            continue
        total = density @ gone
        expected[k, row] += np.log(total)
        alpha = torch.zeros(K, B, dtype=torch.float64)
        alpha[k] = 1.0
        average = missing.average(alpha)[row, column].item()
        assert average == pytest.approx(density @ (gone * GRID) / total, abs=1e-6)
    assert missing.log_prob.numpy() == pytest.approx(expected, abs=1e-8)
    chosen = torch.full((20_000, B), 1)
    draws = missing.sample(chosen, torch.Generator().manual_seed(3))
    alpha = torch.zeros(K, B, dtype=torch.float64)
    alpha[1] = 1.0
    off = (draws.mean(0) - missing.average(alpha)) / (draws.std(0) / 20_000**0.5)
    assert (off[S == 0].abs() < 5).all()


@pytest.mark.parametrize("entry", SETTINGS, ids=str)
def test_gradients_are_those_of_finite_differences(entry):
    process = built(entry)
    parameters = [*process.parameters()]

    def log_prob(mean, *values):
        given = dict(zip(dict(process.named_parameters()), values, strict=True))
        px = Normal(mean, PX.scale)
        arguments = (px, X, S, torch.Generator(), W)
        return torch.func.functional_call(process, given, arguments).log_prob

    mean = PX.mean.clone().requires_grad_()
    assert gradcheck(log_prob, (mean, *parameters), atol=1e-6)


@torch.no_grad()
def test_the_row_s_latent_is_integrated_out_of_what_was_learnt():
    process = built({"direction": "low", "given": ["d"], "together": "g", "at_random": True})
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    edges = process._edges(X, None)
    expected = 0.0
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        rows = process._rows(edges + node * process.loading)
        expected = expected + weight * rows.log_missing(X[:, :3]).exp()
    assert torch.allclose(process.missing_probability(X)[:, :3], expected, atol=1e-9)
    assert (process.missing_probability(X)[:, 3] == 0).all()


@torch.no_grad()
def test_rates_by_code_are_an_exact_sum():
    spec = observations.parse({"kind": "categorical", "categories": [3, 2]})
    x = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]])
    s = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
    entry = {"kind": "selection", "direction": "code", "given": "complete"}
    process = build_process(processes.parse(entry), spec, torch.tensor([0]), x, s, ["a", "b"])
    # The inputs are the three codes of the first column, then the two of the second, its drivers.
    assert process.drives.tolist() == [[0.0, 0.0, 0.0, 1.0, 1.0]]
    process.code_offsets[:] = torch.tensor([[1.0, -0.5, 0.2]])
    process.coefficients[:] = torch.tensor([9.0, 9.0, 9.0, 0.4, -0.3])
    px = spec.build(2)(torch.randn(2, 3, spec.outputs(2), generator=torch.Generator().manual_seed(4)))
    found = process(px, x, s, torch.Generator()).log_prob
    edges = process.edge + torch.where(x[:, 1] == 1, -0.3, 0.4)
    rates = torch.special.ndtr(-(edges + process.code_offsets[0][:, None]))  # [codes, rows]
    law = px.columns(torch.tensor([0])).nodes(9).log_weights.exp()[..., 0]
    missing = (law * rates[:, None]).sum(0).log()
    seen = (1 - rates[x[:, 0].long(), torch.arange(3)]).log()
    assert torch.allclose(found, torch.where(s[:, 0] == 0, missing, seen.expand(2, 3)), atol=1e-5)


@torch.no_grad()
def test_columns_of_one_curve_have_one_slope_and_others_their_own():
    columns = {
        "a": {"kind": "selection", "direction": "low", "shared": True, "initial_slope": 1.0},
        "b": {"kind": "selection", "direction": "low", "initial_slope": 2.0},
        "c": {"kind": "selection", "direction": "high", "shared": True, "initial_slope": 4.0},
    }
    spec = processes.parse({"kind": "by_column", "columns": columns})
    (process,) = spec.build(COLUMNS, X, S, Features(("a", "b", "c", "d"), (0,) * 4, (0, 1, 2))).processes()
    learnt = process.learnt()
    assert [each["slope"] for each in learnt] == pytest.approx([2.0, 2.0, 2.0])
    process.log_slope += torch.tensor([0.2, 0.5, 0.4])
    a, b, c = (each["slope"] for each in process.learnt())
    assert (a, b) == pytest.approx((c, 2.0 * np.exp(0.5)))
    assert a == pytest.approx(2.0 * np.exp(0.3))
    assert "shared" not in processes.parse({"kind": "selection"}).to_mapping()


def test_columns_with_settings_of_their_own_are_one_process_with_latents_for_all():
    columns = {
        "a": {"kind": "selection", "direction": "low", "together": "first"},
        "b": {"kind": "selection", "direction": "high", "together": "second"},
        "c": {"kind": "two_sided"},
    }
    spec = processes.parse({"kind": "by_column", "columns": columns})
    process = build_process(spec, observations.parse({"kind": "gaussian"}), COLUMNS, X, S, list("abcd"))
    assert [type(part).__name__ for part in process.processes()] == ["SelectionProcess", "TwoSidedProcess"]
    assert process.latents == 2
    model = NotMIWAE(ModelSpec(latent_size=2), D, process)
    assert model.encode(X.float(), S.float()).mean.shape == (B, 4)
    terms = model(X.float(), S.float(), 5, torch.Generator().manual_seed(5))
    assert terms.log_weights().shape == (5, B)
    assert terms.pz.shape == (5, B)
    learnt = process.learnt()
    assert [each["column"] for each in learnt] == [0, 1, 2]
    assert learnt[0]["direction"] == "low"
    assert learnt[0]["together"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"given": ["e"]}, "given: a: found 'e'"),
        ({"given": ["a"]}, "given: a: found 'a'"),
        ({"direction": "code"}, "a column without codes: high, low, none"),
    ],
)
def test_what_is_no_driver_or_direction_is_named(entry, said):
    with pytest.raises(ParameterError, match=said):
        built(entry)
