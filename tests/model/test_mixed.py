"""Tables of several kinds of columns: each kind keeps its own law, process and closed form."""

import pytest
import torch

from notmiwae.errors import ParameterError
from notmiwae.model.bound import iwae_bound
from notmiwae.model.missing_process.by_column import ByColumnProcess, build_process
from notmiwae.model.missing_process.ignorable import IgnorableProcess
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.observation.observation_model import observations

D, K, B = 5, 4, 40
ENTRY = {
    "kind": "mixed",
    "parts": [
        {"columns": [4, 1], "observation": {"kind": "gaussian", "network_scale": True}},
        {"columns": [0], "observation": {"kind": "bernoulli"}},
        {"columns": [2, 3], "observation": {"kind": "categorical", "categories": [3, 4]}},
    ],
}
SPEC = observations.parse(ENTRY)
NAMES = tuple("abcde")


def random(seed):
    return torch.Generator().manual_seed(seed)


def table():
    x = torch.randn(B, D, generator=random(1))
    for column, count in ((0, 2), (2, 3), (3, 4)):
        x[:, column] = torch.randint(count, (B,), generator=random(column)).float()
    s = (torch.rand(B, D, generator=random(2)) < 0.7).float()
    return x * s, s


X, S = table()
DECODED = torch.randn(K, B, SPEC.outputs(D), generator=random(3))
PX = SPEC.build(D)(DECODED)
# 4 + 1 + 7 outputs, in the parts' order.
ALONE = [
    (torch.tensor(part.columns), part.observation.build(len(part.columns))(own))
    for part, own in zip(SPEC.parts, DECODED.split([4, 1, 7], -1), strict=True)
]


@torch.no_grad()
def test_density_mean_and_draws_are_those_of_the_parts():
    total = sum(part.log_prob(X[:, places], S[:, places]) for places, part in ALONE)
    assert torch.allclose(PX.log_prob(X, S), total, atol=1e-6)
    draws, again = PX.sample(random(4)), random(4)
    alpha = torch.rand(K, B, generator=random(5)).softmax(0)
    average = PX.average(alpha)
    for places, part in ALONE:
        assert torch.equal(PX.mean[..., places], part.mean)
        assert torch.equal(draws[..., places], part.sample(again))
        assert torch.equal(average[:, places], part.average(alpha))
    votes = torch.stack([PX.sample(random(seed)) for seed in range(3)])
    weights = torch.tensor([0.5, 0.3, 0.2])[:, None, None, None]
    estimate = PX.estimate(votes, weights)
    assert torch.allclose(estimate[..., 4], (weights * votes).sum(0)[..., 4])
    assert torch.equal(estimate[..., 2], estimate[..., 2].round())


@torch.no_grad()
def test_columns_of_one_kind_are_of_that_kind():
    for places, part in ALONE:
        assert type(PX.columns(places)) is type(part)
        assert torch.allclose(PX.columns(places.flip(0)).mean, part.mean.flip(-1))
    index = torch.tensor([3, 4, 0])
    assert torch.allclose(PX.columns(index).mean, PX.mean[..., index])
    chosen = torch.randint(K, (6, B), generator=random(6))
    assert torch.allclose(PX.pick(chosen).mean, PX.mean[chosen, torch.arange(B)])


def test_a_score_is_of_codes_alone():
    codes = PX.score(X, S) - sum(part.score(X[:, places], S[:, places]) for places, part in ALONE)
    assert codes.abs().max() == 0
    assert torch.equal(PX.score(X, S * torch.tensor([0.0, 1.0, 0.0, 0.0, 1.0])), torch.zeros(K, B))


def model(process, **options):
    columns = torch.arange(D)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        built = build_process(processes.parse(process), SPEC, columns, X, S, NAMES)
        network = {"latent_size": 2, "encoder": {"kind": "linear"}, "decoder": {"kind": "linear"}}
        return NotMIWAE(ModelSpec(observation=ENTRY, **network, **options), D, built)


@pytest.mark.parametrize("kind", processes.names())
def test_every_process_has_a_gradient_and_draws_of_the_right_kind(kind):
    trained = model({"kind": kind})
    drawn = trained.importance_samples(X, S, K, random(8))
    iwae_bound(drawn.log_weights).mean().backward()
    for name, parameter in trained.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    with torch.no_grad():
        draws = drawn.missing.sample(torch.zeros(3, B, dtype=torch.long), random(9))
        average = drawn.missing.average(drawn.log_weights.softmax(0))
    for column, count in ((0, 2), (2, 3), (3, 4)):
        missing = S[:, column] == 0
        assert set(draws[:, missing, column].unique().tolist()) <= set(range(count))
        assert 0 <= average[missing, column].min() <= average[missing, column].max() <= count - 1
    assert len(draws[..., 1].unique()) >= B


@torch.no_grad()
def test_a_separable_process_is_what_it_is_of_each_kind_alone():
    process = {"kind": "self_masking", "direction": "low"}
    whole = model(process).missing_process
    assert [part.columns.tolist() for part in whole.processes()] == [[1, 4], [0], [2, 3]]
    given = whole(PX, X, S, random(10))
    total = torch.zeros(K, B)
    for columns in ([1, 4], [0], [2, 3]):
        alone = processes.parse(process).build(torch.tensor(columns), X, S)
        total = total + alone(PX, X, S, random(10)).log_prob
    assert torch.allclose(given.log_prob, total, atol=1e-6)


def test_settings_by_column_are_kept():
    entry = {"kind": "by_column", "columns": {"b": {"kind": "self_masking"}, "c": {"kind": "self_masking"}}}
    process = model(entry).missing_process
    assert isinstance(process, ByColumnProcess)
    assert sorted(part.columns.tolist() for part in process.processes()) == [[0], [1], [2], [3], [4]]
    assert isinstance(model({"kind": "ignorable"}).missing_process, IgnorableProcess)


@torch.no_grad()
def test_the_encoder_sees_a_code_as_a_one():
    trained = model({"kind": "ignorable"}, encoder_sees_mask=False)
    inputs = trained.inputs(X, S)
    assert inputs.shape == (B, 3 + 3 + 4)
    assert torch.equal(inputs[:, :3], X[:, [0, 1, 4]])
    ones = torch.nn.functional.one_hot(X[:, 2].long(), 3) * S[:, 2:3]
    assert torch.equal(inputs[:, 3:6], ones)
    assert torch.equal(inputs[:, 6:].sum(-1), S[:, 3])


def test_real_columns_alone_are_standardised():
    spec = ModelSpec(latent_size=1, observation=ENTRY)
    assert spec.standardised(D) == [False, True, False, False, True]
    assert not any(spec.model_copy(update={"standardise": False}).standardised(D))


@pytest.mark.parametrize("columns", [[4], [4, 1, 0], [4, 5]])
def test_parts_that_dont_fit_the_table(columns):
    parts = [ENTRY["parts"][0] | {"columns": columns}, *ENTRY["parts"][1:]]
    with pytest.raises(ParameterError, match=r"^mixed: parts: columns .*; accepted: each column of 0 to 4"):
        observations.parse(ENTRY | {"parts": parts}).build(D)
