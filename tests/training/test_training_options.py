"""Training's options: the warm start, the clipped gradient, and the race between several starts."""

import math
from collections import defaultdict

import numpy as np
import pytest
import torch

from notmiwae.errors import ParameterError
from notmiwae.model.bound import iwae_bound
from notmiwae.model.missing_process.missing_process import Features, processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.randomness import generator, torch_seed
from notmiwae.specs import parse_spec
from notmiwae.training import trainer as trainer_module
from notmiwae.training.fit import fit
from notmiwae.training.recipe import TrainingSpec
from notmiwae.training.scaling import Scaling
from notmiwae.training.selection import ModelProgress
from notmiwae.training.trainer import Trainer

COLUMNS = ("x_1", "x_2")
LINEAR = ModelSpec(latent_size=1, encoder={"kind": "mlp", "hidden": [16]}, decoder={"kind": "linear"})
HIGH = processes.parse({"kind": "self_masking", "direction": "high"})
UNKNOWN = processes.parse({"kind": "self_masking", "direction": "unknown"})
IGNORABLE = processes.parse({"kind": "ignorable"})
SHORT = TrainingSpec(steps=20, samples=4, batch_size=16, check_every=5, validation_samples=10)


def spec(**changes):
    return TrainingSpec.model_validate(SHORT.model_dump() | changes)


def gaussian(rows=80, direction="high", seed=0):
    """A correlated Gaussian, x_1 missing above its mean, or below it."""
    table = generator(seed, "gaussian").multivariate_normal([1.0, -2.0], [[4, 1.6], [1.6, 1]], rows)
    above = table[:, 0] > table[:, 0].mean()
    table[above if direction == "high" else ~above, 0] = np.nan
    return table


def weights(result):
    return {name: value.clone() for name, value in result.fitted.model.state_dict().items()}


def same_bits(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def steps(process, training, seed=1):
    """The state before training and after each step; the measurements are taken on the way."""
    x, s = Scaling.of(gaussian(), [True] * gaussian().shape[1]).tensors(gaussian())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = process.build(torch.tensor([0]), x, s, Features(COLUMNS, (0,) * len(COLUMNS), (0,)))
        torch.manual_seed(seed)
        model = NotMIWAE(LINEAR, 2, built)
    states = [{name: value.clone() for name, value in model.state_dict().items()}]
    trainer = Trainer([model], [(x, s)], training, [seed], 0)
    for step in range(1, training.steps + 1):
        trainer.train(step)
        trainer._models.load(trainer._models.matrices)
        states.append({name: value.clone() for name, value in model.state_dict().items()})
    return states


def networks(state):
    return {name: value for name, value in state.items() if not name.startswith("missing_process.")}


def of_process(state):
    return {name: value for name, value in state.items() if name.startswith("missing_process.")}


# --- warm start


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("kind", ["self_masking", "two_sided"])
def test_a_warm_start_trains_the_networks_as_miwae_to_the_last_bit(kind, clip):
    plain = spec(steps=8, check_every=1, gradient_clip=clip)
    warm = spec(steps=8, check_every=1, gradient_clip=clip, warm_start=5)
    miwae, found = steps(IGNORABLE, plain), steps(processes.parse({"kind": kind}), warm)
    alike = [same_bits(networks(one), networks(other)) for one, other in zip(miwae, found, strict=True)]
    assert alike == [True] * 6 + [False] * 3


@pytest.mark.parametrize("kind", [kind for kind in processes.names() if kind != "ignorable"])
def test_the_missing_process_waits_for_the_end_of_the_warm_start(kind):
    states = steps(processes.parse({"kind": kind}), spec(steps=8, check_every=1, warm_start=5))
    processes_ = [of_process(state) for state in states]
    assert processes_[0]
    assert all(same_bits(each, processes_[0]) for each in processes_[:6])
    assert not any(torch.equal(processes_[6][name], value) for name, value in processes_[5].items())


@pytest.fixture
def shift_bounds(monkeypatch):
    """Add these numbers to the held-out bounds, in the order in which they're measured."""

    original = trainer_module.iwae_bound

    def shift(numbers):
        left = iter(numbers)

        def shifted(log_weights):
            # That of a batch has a gradient.
            return original(log_weights) + (0.0 if log_weights.requires_grad else next(left))

        monkeypatch.setattr(trainer_module, "iwae_bound", shifted)

    return shift


def test_weights_of_the_warm_start_are_never_kept(shift_bounds):
    training = spec(warm_start=10, slack=0.0, decay=0.0)
    shift_bounds([0, -100, -200, -300])
    result = fit(gaussian(), COLUMNS, LINEAR, HIGH, training, 1)
    assert [point.kept for point in result.curve] == [False, False, True, False]
    assert result.validation_bound == result.curve[2].validation_bound
    shift_bounds([0, 0, 0])
    ended_there = fit(gaussian(), COLUMNS, LINEAR, HIGH, training.model_copy(update={"steps": 15}), 1)
    assert same_bits(weights(result), weights(ended_there))


def test_a_warm_start_may_end_between_two_measurements():
    result = fit(gaussian(), COLUMNS, LINEAR, HIGH, spec(warm_start=12), 1)
    assert [(point.step, point.kept) for point in result.curve][:3] == [(5, False), (10, False), (15, True)]
    result = fit(gaussian(), COLUMNS, LINEAR, HIGH, spec(warm_start=19), 1)
    assert [point.kept for point in result.curve] == [False, False, False, True]


def test_patience_begins_with_the_end_of_the_warm_start():
    result = fit(gaussian(), COLUMNS, LINEAR, HIGH, spec(warm_start=12, patience=1), 1)
    assert result.curve[-1].step > 12
    assert math.isfinite(result.validation_bound)


@pytest.mark.parametrize("warm_start", [20, 21])
def test_a_warm_start_without_end_is_refused(warm_start):
    with pytest.raises(ParameterError, match=rf"^here: warm_start \({warm_start}\) must be less than steps"):
        parse_spec(TrainingSpec, {"steps": 20, "warm_start": warm_start}, "here")


# --- clipping


@pytest.fixture
def norms(monkeypatch):
    """Norms of the gradients that the optimiser was given."""
    found, original = [], Trainer.__init__

    def watched(self, *arguments):
        original(self, *arguments)

        def look(*_):
            squares = [each.grad.square().sum() for each in self._models.matrices if each.grad is not None]
            found.append(math.sqrt(sum(squares)))

        self._optimiser.adam.register_step_pre_hook(look)

    monkeypatch.setattr(Trainer, "__init__", watched)
    return found


def test_the_norm_of_the_gradient_that_is_applied_is_bounded(norms):
    fit(gaussian(), COLUMNS, LINEAR, HIGH, SHORT, 1)
    free = norms.copy()
    norms.clear()
    limit = float(np.median(free))
    fit(gaussian(), COLUMNS, LINEAR, HIGH, spec(gradient_clip=limit), 1)
    assert max(free) > 1.1 * limit
    assert len(norms) == len(free) == SHORT.steps
    assert max(norms) == pytest.approx(limit, rel=1e-4)
    assert min(norms) < 0.99 * limit, "shorter ones stay as they are"


def test_a_limit_beyond_every_gradient_changes_no_bit():
    one, other = (
        fit(gaussian(), COLUMNS, LINEAR, HIGH, each, 1) for each in (SHORT, spec(gradient_clip=1e9))
    )
    assert same_bits(weights(one), weights(other))
    assert one.curve == other.curve


# --- the race


def curves(result):
    by_start = defaultdict(list)
    for point in result.curve:
        by_start[point.start].append(point)
    return dict(by_start)


@pytest.fixture(scope="module")
def races():
    """Two directions × two restarts: a race over 40 % of the steps, and one to the end."""
    common = {"steps": 50, "learning_rate": 1e-2, "missing_process_learning_rate": 3e-2, "restarts": 2}
    return [fit(gaussian(), COLUMNS, LINEAR, UNKNOWN, spec(race=race, **common), 4) for race in (0.4, 1.0)]


def test_the_winner_has_the_highest_held_out_bound_when_the_race_ends(races):
    runs = curves(races[0])
    assert sorted(runs) == [0, 1, 2, 3]
    at_the_end = {start: next(p for p in points if p.step == 20) for start, points in runs.items()}
    winner = max(at_the_end, key=lambda start: at_the_end[start].validation_bound)
    assert {start: points[-1].step for start, points in runs.items()} == {
        start: 50 if start == winner else 20 for start in runs
    }
    kept = [point for point in runs[winner] if point.kept][-1]
    assert races[0].validation_bound == kept.validation_bound
    assert races[0].fitted.process.direction == UNKNOWN.starts()[winner // 2].direction


def test_the_winner_is_the_one_whose_kept_weights_are_best_not_the_last_ones(shift_bounds):
    # The first start gets worse again after its best weights, which are better than the second's.
    shift_bounds([0, 500, -900, -900, 0, 10, 20, 30])
    result = fit(gaussian(), COLUMNS, LINEAR, UNKNOWN, spec(race=1.0, slack=0.0), 1)
    kept = [point for point in result.curve if point.kept]
    assert result.validation_bound == max(point.validation_bound for point in kept)
    assert result.fitted.process.direction == UNKNOWN.starts()[0].direction


def test_the_race_changes_nothing_of_how_a_run_is_trained(races):
    short, whole = (curves(result) for result in races)
    for start, points in short.items():
        assert points == whole[start][: len(points)]
        assert len(whole[start]) == 10
    assert same_bits(weights(races[0]), weights(races[1])) == (
        races[0].validation_bound == races[1].validation_bound
    )


def test_restarts_differ_in_their_first_weights_and_the_first_is_that_of_a_single_training(races):
    runs = curves(races[1])
    assert len({points[0].validation_bound for points in runs.values()}) == 4
    common = {"steps": 50, "learning_rate": 1e-2, "missing_process_learning_rate": 3e-2, "race": 1.0}
    single = curves(fit(gaussian(), COLUMNS, LINEAR, UNKNOWN, spec(**common), 4))
    for direction in (0, 1):
        alone = [(point.step, point.validation_bound) for point in single[direction]]
        assert alone == [(point.step, point.validation_bound) for point in runs[2 * direction]]


def test_a_single_run_has_no_race():
    assert fit(gaussian(), COLUMNS, LINEAR, HIGH, spec(race=0.1), 1).curve == (
        fit(gaussian(), COLUMNS, LINEAR, HIGH, spec(race=1.0), 1).curve
    )


@pytest.mark.parametrize("race", [1e-9, 0.25, 0.26, 0.99, 1.0])
def test_a_race_ends_with_the_first_measurement_at_its_step_or_later(race):
    runs = curves(fit(gaussian(), COLUMNS, LINEAR, UNKNOWN, spec(race=race), 1))
    last = sorted(points[-1].step for points in runs.values())
    measured = min(step for step in (5, 10, 15, 20) if step >= round(race * 20))
    assert last == [measured, 20]


@pytest.mark.parametrize("direction", ["high", "low"])
def test_an_unknown_direction_is_found_at_the_races_end(direction):
    training = spec(
        steps=300,
        samples=10,
        batch_size=64,
        learning_rate=2e-2,
        missing_process_learning_rate=5e-2,
        check_every=30,
        validation_samples=50,
    )
    result = fit(gaussian(500, direction), COLUMNS, LINEAR, UNKNOWN, training, 3)
    assert result.fitted.process.direction == direction
    assert sorted(points[-1].step for points in curves(result).values()) == [90, 300]


@pytest.mark.parametrize("patience", [None, 1])
def test_a_seed_decides_every_bit_with_all_options_at_once(patience):
    training = spec(restarts=2, warm_start=3, gradient_clip=0.5, race=0.5, patience=patience)
    first, again, other = (fit(gaussian(), COLUMNS, LINEAR, UNKNOWN, training, seed) for seed in (1, 1, 2))
    assert same_bits(weights(first), weights(again))
    assert first.curve == again.curve
    assert not same_bits(weights(first), weights(other))


@pytest.mark.parametrize("race", [0.3, 1.0])
@pytest.mark.parametrize("table_direction", ["high", "low"])
def test_the_model_has_the_weights_that_were_kept_whoever_won(table_direction, race):
    table = gaussian(direction=table_direction)
    training = spec(steps=60, learning_rate=0.05, missing_process_learning_rate=0.1, race=race, slack=0.0)
    result = fit(table, COLUMNS, LINEAR, UNKNOWN, training, 6)
    # The rows and the noise by which training measures.
    seed = torch_seed(6, "training")
    held_out = torch.randperm(80, generator=torch.Generator().manual_seed(seed))[:8]
    x, s = result.fitted.scaling.tensors(table)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        drawn = result.fitted.model.importance_samples(x[held_out], s[held_out], 10, noise)
    measured = iwae_bound(drawn.log_weights).mean().item()
    assert measured == pytest.approx(result.validation_bound, abs=1e-6)


def test_of_many_rows_a_thousand_are_held_out():
    few, many = (ModelProgress.begin(rows, 1, TrainingSpec(steps=1)) for rows in (500, 30_000))
    assert len(few.held_out) == 50
    assert len(many.held_out) == 1000
    assert len(many.rows) == 29_000
    assert torch.cat([many.rows, many.held_out]).unique().numel() == 30_000


def test_with_bootstrap_rows_are_drawn_from_those_that_arent_held_out():
    plain, drawn, other = (
        ModelProgress.begin(500, seed, spec(bootstrap=bootstrap))
        for seed, bootstrap in ((1, False), (1, True), (2, True))
    )
    assert torch.equal(drawn.held_out, plain.held_out)
    assert len(drawn.rows) == len(plain.rows)
    different = set(drawn.rows.tolist())
    assert different < set(plain.rows.tolist())
    # Of n rows drawn from n some 1 − 1/e are there.
    assert len(different) / len(plain.rows) == pytest.approx(1 - math.exp(-1), abs=0.05)
    assert different != set(other.rows.tolist())
