"""A process by column is its parts; and what every process keeps when saved, and reports when learnt."""

import json

import pytest
import torch
from sample_means import sample_means

from notmiwae.errors import ParameterError
from notmiwae.model.distributions import Normal
from notmiwae.model.missing_process.missing_process import Features, processes
from notmiwae.specs import parse_entry

NAMES = ["age", "wage", "hours", "rent"]
FEATURES = Features(tuple(NAMES), (0, 0, 0, 0), (0, 1, 3))
COLUMNS = torch.tensor([0, 1, 3])
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(50, 4, generator=GENERATOR)
S = (torch.rand(50, 4, generator=GENERATOR) < 0.6).float()
PX = Normal(torch.randn(6, 50, 4, generator=GENERATOR), torch.tensor([0.5, 0.6, 0.7, 0.8]))
LOW = {"kind": "self_masking", "direction": "low"}
INSIDE = {"kind": "interval"}


def by_column(default=None, **columns):
    entry = {"kind": "by_column", "columns": columns} | ({"default": default} if default else {})
    return processes.parse(entry)


def run(spec, columns=COLUMNS):
    return spec.build(columns, X, S, FEATURES)(PX, X, S, torch.Generator().manual_seed(1))


@torch.no_grad()
def test_it_equals_its_parts():
    together = run(by_column(age=LOW, wage=INSIDE))
    entries = [LOW, INSIDE, {"kind": "mcar"}]
    parts = [run(processes.parse(entry), COLUMNS[[j]]) for j, entry in enumerate(entries)]
    assert torch.allclose(together.log_prob, sum(part.log_prob for part in parts), atol=1e-5)
    alpha = torch.rand(6, 50).softmax(0)
    for column, part in zip(COLUMNS, parts, strict=True):
        assert torch.equal(sample_means(together)[..., column], sample_means(part)[..., column])
        assert torch.allclose(together.average(alpha)[..., column], part.average(alpha)[..., column])
    assert torch.equal(sample_means(together)[..., 2], PX.mean[..., 2])
    draws = together.sample(torch.zeros(4000, 50, dtype=torch.long), torch.Generator().manual_seed(2))
    assert draws.mean(0) == pytest.approx(sample_means(together)[0], abs=0.08)


@torch.no_grad()
def test_equal_settings_are_one_process_and_ignorable_columns_count_for_nothing():
    shared = LOW | {"shared": True}
    process = by_column({"kind": "ignorable"}, age=shared, rent=shared).build(COLUMNS, X, S, FEATURES)
    assert sorted(part.columns.tolist() for part in process.parts) == [[0, 3], [1]]
    assert sum(parameter.numel() for parameter in process.parameters()) == 2
    assert torch.equal(process.missing_probability(X)[:, [1, 2]], torch.zeros(50, 2))
    found = process(PX, X, S, torch.Generator())
    alone = run(processes.parse(shared), torch.tensor([0, 3]))
    assert torch.allclose(found.log_prob, alone.log_prob)


def test_unknown_directions_start_all_high_then_all_low():
    unknown = {"kind": "self_masking", "direction": "unknown"}
    starts = by_column(unknown, age=LOW, wage=unknown).starts()
    found = [(s.default.direction, s.columns["wage"].direction, s.columns["age"].direction) for s in starts]
    assert found == [("high", "high", "low"), ("low", "low", "low")]
    assert by_column(age=LOW).starts() == [by_column(age=LOW)]


def test_an_unknown_column_is_named_with_those_accepted():
    with pytest.raises(ParameterError, match=r"no column 'agge'; did you mean 'age'\? accepted: age, wage"):
        by_column(agge=LOW).build(COLUMNS, X, S, FEATURES)
    with pytest.raises(ParameterError, match="takes the columns' names"):
        by_column(age=LOW).build(COLUMNS, X, S)


@pytest.mark.parametrize("kind", ["agnostic_linear", "agnostic_nonlinear", "by_column"])
def test_a_process_of_the_whole_row_is_refused(kind):
    with pytest.raises(ParameterError, match=f"by_column: {kind} isn't separable"):
        by_column(wage={"kind": kind}).build(COLUMNS, X, S, FEATURES)


def test_a_mistake_in_one_column_is_named():
    with pytest.raises(ParameterError, match=r"here\.columns\.age: unknown missing process 'self_maskin'"):
        parse_entry(processes, {"kind": "by_column", "columns": {"age": {"kind": "self_maskin"}}}, "here")


# --- every process


ENTRIES = {
    **{kind: {"kind": kind} for kind in processes.names()},
    "logistic": {"kind": "self_masking", "link": "logistic"},
    "sampled": {"kind": "self_masking", "link": "logistic", "marginal": "sampled"},
    "decoder_mean": {"kind": "two_sided", "imputed_mean": "decoder"},
    "shared": {"kind": "interval", "shared": True},
    "columns": {
        "kind": "by_column",
        "default": INSIDE,
        "columns": {"age": LOW, "rent": {"kind": "ignorable"}},
    },
}
EVERY_ENTRY = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


@EVERY_ENTRY
@torch.no_grad()
def test_weights_fit_a_process_that_was_built_without_the_table(entry):
    spec = processes.parse(entry)
    before = spec.build(COLUMNS, X, S, FEATURES)
    read = processes.parse(json.loads(json.dumps(spec.to_mapping())))
    assert read == spec
    after = read.build(COLUMNS, torch.zeros(1, 4), torch.ones(1, 4), FEATURES)
    after.load_state_dict(before.state_dict())
    first, second = (each(PX, X, S, torch.Generator().manual_seed(3)) for each in (before, after))
    assert torch.equal(first.log_prob, second.log_prob)
    assert torch.equal(sample_means(first), sample_means(second))
    assert torch.equal(before.missing_probability(X), after.missing_probability(X))
    assert before.learnt() == after.learnt()


@EVERY_ENTRY
@torch.no_grad()
def test_what_was_learnt_is_plain_data_that_says_where_values_go_missing(entry):
    process = processes.parse(entry).build(COLUMNS, X, S, FEATURES)
    learnt = process.learnt()
    assert json.loads(json.dumps(learnt)) == learnt
    for each in learnt:
        probability = process.missing_probability
        rows = torch.zeros(1, 4)
        if "rate" in each:
            assert probability(rows)[0, each["column"]].item() == pytest.approx(each["rate"], abs=1e-6)
            continue
        assert each["direction"] in ("high", "low", "inside", "outside")
        if len(each["midpoints"]) == 1:
            rows[:] = each["midpoints"][0]
            assert probability(rows)[0, each["column"]].item() == pytest.approx(0.5, abs=1e-5)


def test_what_was_learnt_comes_in_the_order_of_the_columns():
    process = by_column(age=LOW, wage=INSIDE, rent=LOW).build(COLUMNS, X, S, FEATURES)
    assert [(each["column"], each.get("direction")) for each in process.learnt()] == [
        (0, "low"),
        (1, "inside"),
        (3, "low"),
    ]


@pytest.mark.parametrize("centre", [-1.0, 0.0, 0.7])
def test_an_interval_starts_at_the_gap_in_what_was_observed(centre):
    table = torch.randn(2000, 4, generator=torch.Generator().manual_seed(9))
    inside = ((table - centre).abs() < 0.6).float()
    process = processes.parse(INSIDE).build(COLUMNS, table, 1.0 - inside)
    for each in process.learnt():
        assert each["midpoints"] == pytest.approx([centre - 0.6, centre + 0.6], abs=0.1)
