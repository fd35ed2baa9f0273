"""Models trained as one: each is the model that it would be if it were trained alone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from notmiwae.errors import DataError
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.observation.observation_model import observations
from notmiwae.randomness import generator
from notmiwae.training.batched import BatchedModels
from notmiwae.training.fit import fit, fit_together
from notmiwae.training.recipe import TrainingSpec
from notmiwae.training.selection import winning_runs
from notmiwae.training.trainer import Trainer

COLUMNS = ("a", "b", "c")
OBSERVATIONS = {
    "gaussian": {"kind": "gaussian"},
    "gaussian_network": {"kind": "gaussian", "network_scale": True},
    "student_t": {"kind": "student_t"},
    "gaussian_mixture": {"kind": "gaussian_mixture"},
    "bernoulli": {"kind": "bernoulli"},
    "categorical": {"kind": "categorical", "categories": [3, 2, 4]},
    "mixed": {
        "kind": "mixed",
        "parts": [
            {"columns": [2], "observation": {"kind": "gaussian"}},
            {"columns": [0], "observation": {"kind": "bernoulli"}},
            {"columns": [1], "observation": {"kind": "categorical", "categories": 3}},
        ],
    },
}
SELF_MASKING = {
    f"{link} {direction} {marginal}": {
        "kind": "self_masking",
        "link": link,
        "direction": direction,
        "marginal": marginal,
    }
    for link in ("probit", "logistic")
    for direction in ("high", "low", "unknown")
    for marginal in ("exact", "sampled")
}
BY_COLUMN = {
    "kind": "by_column",
    "columns": {"a": {"kind": "self_masking", "direction": "unknown"}, "b": {"kind": "interval"}},
}
PROCESSES = SELF_MASKING | {
    "shared": {"kind": "self_masking", "shared": True},
    "two_sided": {"kind": "two_sided"},
    "two_sided sampled": {"kind": "two_sided", "marginal": "sampled"},
    "interval": {"kind": "interval"},
    "interval sampled": {"kind": "interval", "marginal": "sampled"},
    "mcar": {"kind": "mcar"},
    "selection": {
        "kind": "selection",
        "direction": "low",
        "given": "others",
        "at_random": True,
        "together": "row",
    },
    "by_column": BY_COLUMN,
    "agnostic_linear": {"kind": "agnostic_linear"},
    "agnostic_nonlinear": {"kind": "agnostic_nonlinear", "hidden": [5]},
    "ignorable": {"kind": "ignorable"},
}
# Exact and sampled, alone and beside others: what observation models meet in different ways.
CROSSED = ("probit high exact", "logistic low sampled", "selection", "by_column", "agnostic_linear")
COMBINATIONS = [("gaussian", name) for name in PROCESSES] + [
    (observation, name) for observation in list(OBSERVATIONS)[1:] for name in CROSSED
]
HIGH, LOW, UNKNOWN = (
    processes.parse({"kind": "self_masking", "direction": direction})
    for direction in ("high", "low", "unknown")
)
SHORT = TrainingSpec(
    steps=12,
    samples=3,
    batch_size=16,
    check_every=4,
    validation_samples=5,
    held_out=0.2,
    learning_rate=1e-2,
    missing_process_learning_rate=3e-2,
)


def spec(**changes):
    return TrainingSpec.model_validate(SHORT.model_dump() | changes)


def network(entry=OBSERVATIONS["gaussian"]):
    networks = {name: {"kind": "mlp", "hidden": [6]} for name in ("encoder", "decoder")}
    return ModelSpec(latent_size=2, observation=entry, **networks)


def table(seed, rows=40, entry=OBSERVATIONS["gaussian"], missing=("a", "b")):
    """Correlated columns, of codes where the observation model takes them; some cells are missing."""
    source = generator(seed, "table")
    values = source.normal(size=(rows, 1)) + 0.7 * source.normal(size=(rows, len(COLUMNS)))
    for j, count in enumerate(observations.parse(entry).levels(len(COLUMNS))):
        if count:
            values[:, j] = np.clip(np.round(values[:, j] + (count - 1) / 2), 0, count - 1)
    for name in missing:
        values[source.random(rows) < 0.3, COLUMNS.index(name)] = np.nan
    return values


def parameters(result):
    return dict(result.fitted.model.named_parameters())


def is_same(one, other):
    """Whether two fits agree but for rounding; they do to 1e-5."""
    return (
        one.fitted.process == other.fitted.process
        and [(p.start, p.step, p.kept) for p in one.curve] == [(p.start, p.step, p.kept) for p in other.curve]
        and np.allclose(
            [(p.training_bound, p.validation_bound) for p in one.curve],
            [(p.training_bound, p.validation_bound) for p in other.curve],
            rtol=1e-4,
            atol=1e-4,
        )
        and math.isclose(one.validation_bound, other.validation_bound, rel_tol=1e-4, abs_tol=1e-4)
        and all(
            torch.allclose(value, parameters(other)[name], rtol=1e-3, atol=1e-4)
            for name, value in parameters(one).items()
        )
    )


def together_and_alone(tables, process, training, model=None, seeds=None):
    model, seeds = model or network(), seeds or [11 + number for number in range(len(tables))]
    together = fit_together(tables, COLUMNS, model, process, training, seeds)
    alone = [
        fit(each, COLUMNS, model, process, training, seed) for each, seed in zip(tables, seeds, strict=True)
    ]
    return together, alone


# --- together and alone


def test_every_registered_process_and_observation_model_is_tried():
    assert sorted({entry["kind"] for entry in PROCESSES.values()}) == processes.names()
    assert sorted({entry["kind"] for entry in OBSERVATIONS.values()}) == observations.names()


@pytest.mark.parametrize(("observation", "process"), COMBINATIONS)
def test_models_fitted_together_are_the_models_fitted_alone(observation, process):
    entry = OBSERVATIONS[observation]
    tables = [table(seed, entry=entry) for seed in (1, 2)]
    fixed = (COLUMNS, network(entry), processes.parse(PROCESSES[process]), SHORT)
    together = fit_together(tables, *fixed, [11, 12])
    assert is_same(together[1], fit(tables[1], *fixed, 12))
    assert not is_same(*together), "this would prove nothing"


@pytest.mark.parametrize(
    "changes",
    [
        {"warm_start": 6},
        {"restarts": 2, "race": 0.5},
        {"gradient_clip": 0.3},
        {"decay": 1.0, "slack": 0.0},
        {"together": 2},
    ],
    ids=str,
)
def test_so_they_are_with_every_option_of_training(changes):
    together, alone = together_and_alone([table(seed) for seed in (1, 2, 3)], HIGH, spec(**changes))
    assert all(is_same(*pair) for pair in zip(together, alone, strict=True))


def test_a_table_may_be_fitted_with_several_seeds():
    together, alone = together_and_alone([table(1)] * 3, HIGH, SHORT, seeds=[7, 8, 7])
    assert all(is_same(*pair) for pair in zip(together, alone, strict=True))
    assert is_same(together[0], together[2])
    assert not is_same(together[0], together[1])


def test_the_order_of_the_models_does_not_matter():
    tables = [table(seed) for seed in (1, 2, 3)]
    forward = fit_together(tables, COLUMNS, network(), UNKNOWN, SHORT, [7, 8, 9])
    backward = fit_together(tables[::-1], COLUMNS, network(), UNKNOWN, SHORT, [9, 8, 7])
    assert all(is_same(*pair) for pair in zip(forward, backward[::-1], strict=True))


def test_tables_of_other_lengths_or_with_other_columns_missing_come_back_in_order():
    tables = [
        table(1),
        table(2, rows=31),
        table(3, missing=("c",)),
        table(4),
        table(5, missing=()),
        table(6, rows=31),
    ]
    together, alone = together_and_alone(tables, HIGH, SHORT)
    assert all(is_same(*pair) for pair in zip(together, alone, strict=True))
    assert [each.fitted.model.missing_process.columns.tolist() for each in together] == [
        [0, 1],
        [0, 1],
        [2],
        [0, 1],
        [],
        [0, 1],
    ]
    assert all(
        np.allclose(each.fitted.scaling.mean, np.nanmean(own, axis=0))
        for each, own in zip(together, tables, strict=True)
    )


def test_a_seed_decides_every_bit_of_models_trained_together():
    tables = [table(seed) for seed in (1, 2)]
    first, again = (fit_together(tables, COLUMNS, network(), UNKNOWN, SHORT, [7, 8]) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.curve == other.curve
        assert all(torch.equal(value, parameters(other)[name]) for name, value in parameters(one).items())


def test_tables_and_seeds_come_in_pairs():
    with pytest.raises(ValueError, match="shorter"):
        fit_together([table(1), table(2)], COLUMNS, network(), HIGH, SHORT, [7])
    assert fit_together([], COLUMNS, network(), HIGH, SHORT, []) == []


def test_a_table_that_cannot_be_fitted_is_refused_before_any_is_trained():
    empty, calls = table(2), []
    empty[:, 1] = np.nan
    with pytest.raises(DataError, match=r"^column 'b' has no observed value"):
        fit_together(
            [table(1), empty], COLUMNS, network(), HIGH, SHORT, [7, 8], lambda *call: calls.append(call)
        )
    assert not calls


# --- patience and the race


@pytest.fixture(scope="module")
def impatient():
    training = spec(
        steps=100, check_every=5, patience=2, learning_rate=3e-2, held_out=0.5, decay=0, slack=0.0
    )
    tables = [table(seed) for seed in (1, 2, 3)]
    return training, together_and_alone(tables, HIGH, training)


def test_a_stopped_model_keeps_its_weights_though_others_go_on(impatient):
    training, (together, alone) = impatient
    assert len({each.curve[-1].step for each in together}) > 1, "these were to stop at different steps"
    assert all(is_same(*pair) for pair in zip(together, alone, strict=True))
    for each in together:
        kept = [point.step for point in each.curve if point.kept][-1]
        assert each.curve[-1].step == kept + 2 * training.check_every < training.steps


def test_what_becomes_of_a_stopped_model_does_not_stop_the_others():
    trainer = trainer_of([table(1), table(2)], HIGH, spec(slack=0.0))
    trainer.train(4)
    trainer.progress[0].stopped = True
    with torch.no_grad():
        trainer._models.networks[0] = math.nan
    trainer.train(12)
    assert [len(each.curve) for each in trainer.progress] == [1, 3]
    assert all(bool(value.isfinite().all()) for model in trainer.finish() for value in model.parameters())


def test_in_a_race_each_table_has_its_own_winner():
    tables = []
    for direction in ("high", "low", "high"):
        values = generator(len(tables), "race").multivariate_normal([1.0, -2.0], [[4, 1.6], [1.6, 1]], 400)
        above = values[:, 0] > values[:, 0].mean()
        values[above if direction == "high" else ~above, 0] = np.nan
        tables.append(values)
    training = spec(
        steps=120,
        race=0.75,
        samples=8,
        batch_size=64,
        learning_rate=2e-2,
        missing_process_learning_rate=5e-2,
        check_every=20,
        validation_samples=30,
    )
    linear = ModelSpec(latent_size=1, encoder={"kind": "mlp", "hidden": [16]}, decoder={"kind": "linear"})
    found = fit_together(tables, ("x_1", "x_2"), linear, UNKNOWN, training, [3, 3, 4])
    assert [each.fitted.process.direction for each in found] == ["high", "low", "high"]
    for each, winner in zip(found, (0, 1, 0), strict=True):
        assert each.fitted.model.missing_process.sign == (1.0, -1.0)[winner]
        # The race ends with the measurement at step 100.
        assert {point.start for point in each.curve if point.step <= 100} == {0, 1}
        assert {point.start for point in each.curve if point.step > 100} == {winner}


# --- what is each model's own


def trainer_of(tables, process, training, model=None):
    """A `Trainer` of models that start from weights of their own."""
    model, rows, models = model or network(), [], []
    for number, values in enumerate(tables):
        s = torch.from_numpy(np.isfinite(values)).float()
        x = torch.from_numpy(np.nan_to_num(values)).float()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number)
            built = process.build(torch.tensor([0, 1]), x, s, COLUMNS)
            models.append(NotMIWAE(model, len(COLUMNS), built))
        rows.append((x, s))
    return Trainer(models, rows, training, list(range(len(tables))), 0)


def test_each_models_gradient_is_clipped_by_its_own_norm():
    # The first table's gradients are long, as its values are large.
    tables, norms = [30 * table(1), table(2)], {}
    limit = 2.0
    for clip in (None, limit):
        trainer = trainer_of(tables, HIGH, spec(gradient_clip=clip, learning_rate=1e-9))
        found = norms.setdefault(clip, [])

        def look(*_, trainer=trainer, found=found):
            found.append(sum(each.grad.square().sum(-1) for each in trainer._models.matrices).sqrt().tolist())

        trainer._optimiser.adam.register_step_pre_hook(look)
        trainer.train(1)
    free, clipped = (np.array(norms[clip][0]) for clip in (None, limit))
    assert free[0] > 10 * limit
    assert clipped == pytest.approx(np.minimum(free, limit), rel=1e-4)


@pytest.mark.parametrize(("process", "side"), [(HIGH, 1.0), (LOW, -1.0)], ids=["high", "low"])
def test_each_models_edges_stay_within_what_its_own_table_shows(process, side):
    tables = [table(seed) * scale for seed, scale in ((1, 1.0), (2, 3.0), (3, 0.2))]
    batched = trainer_of(tables, process, SHORT)._models
    extremes = [side * np.nanmax(side * values[:, :2], axis=0) for values in tables]
    for away in (50.0, -50.0):
        edges = [torch.tensor([0.1, -0.1]) + side * away for _ in tables]
        with torch.no_grad():
            for model, edge in zip(batched.models, edges, strict=True):
                model.missing_process.edge.copy_(edge)
        moved = BatchedModels(batched.models)
        moved.limit()
        moved.load(moved.matrices)
        for model, extreme, edge in zip(moved.models, extremes, edges, strict=True):
            expected = extreme if away > 0 else edge.numpy()
            assert model.missing_process.edge.detach().numpy() == pytest.approx(expected, rel=1e-6)


def test_limits_follow_the_models_that_go_on():
    tables = [table(seed) * scale for seed, scale in ((1, 1.0), (2, 3.0), (3, 0.2))]
    trainer = trainer_of(tables, HIGH, SHORT)
    trainer.train(4)
    trainer.select([2, 0])
    batched = trainer._models
    most = torch.stack([torch.from_numpy(np.nanmax(tables[m][:, :2], axis=0)).float() for m in (2, 0)])

    def edges():
        batched.load(batched.matrices)
        return torch.stack([model.missing_process.edge.detach() for model in batched.models])

    with torch.no_grad():
        batched.process[:, 2:] += 9.0  # the slopes stand before the edges
    assert (edges() > most).all()
    trainer.train(12)
    assert (edges() <= most).all()
    with torch.no_grad():
        batched.process[:, 2:] += 9.0
    batched.limit()
    assert torch.equal(edges(), most)


def test_some_models_that_go_on_without_the_others_go_on_as_with_them():
    tables = [table(seed) for seed in (1, 2, 3)]
    whole, chosen = (trainer_of(tables, HIGH, SHORT) for _ in range(2))
    for trainer in (whole, chosen):
        trainer.train(4)
    chosen.select([2, 0])
    for trainer in (whole, chosen):
        trainer.train(12)
    models = whole.finish()
    for model, own in zip(chosen.finish(), (models[2], models[0]), strict=True):
        values = dict(own.named_parameters())
        assert all(
            torch.allclose(value, values[name], rtol=1e-3, atol=1e-4)
            for name, value in model.named_parameters()
        )


# --- members that vote


@pytest.mark.parametrize("together", [1, 4, 10])
def test_members_of_a_mixture_go_on_with_one_direction(together):
    tables = [each for seed in (1, 2) for each in [table(seed)] * 3]
    training = SHORT.model_copy(update={"together": together})
    fits = fit_together(tables, COLUMNS, network(), UNKNOWN, training, range(6), members=3)
    for mixture in (fits[:3], fits[3:]):
        assert len({each.fitted.process for each in mixture}) == 1
    again = fit_together(tables, COLUMNS, network(), UNKNOWN, SHORT, range(6), members=3)
    assert all(is_same(*pair) for pair in zip(fits, again, strict=True))


@given(
    st.integers(1, 3).flatmap(
        lambda members: st.tuples(
            st.just(members),
            arrays(
                float,
                st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3).map(lambda n: n * members)),
                elements=st.floats(-100, 100),
            ),
        )
    )
)
def test_a_mixture_takes_the_start_of_the_highest_mean_and_each_member_its_best_restart(drawn):
    members, bounds = drawn
    restarts = bounds.shape[1]
    winners = np.array(winning_runs(bounds, members)).reshape(-1, members)
    for mixture, won in enumerate(winners):
        own = bounds[:, :, mixture * members : (mixture + 1) * members]
        start = won[0] // restarts
        assert (won // restarts == start).all()
        means = own.max(1).mean(-1)
        assert means[start] == pytest.approx(means.max())
        for member, run in enumerate(won % restarts):
            assert own[start, run, member] == own[start, :, member].max()
