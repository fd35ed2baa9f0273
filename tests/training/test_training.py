"""Training: reproducible, finds the direction, keeps the best weights, stops, and complains."""

import math
from operator import attrgetter

import numpy as np
import pytest
import torch

from notmiwae.errors import DataError, DivergenceError
from notmiwae.imputation import impute
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.observation.observation_model import observations
from notmiwae.randomness import generator
from notmiwae.training.fit import fit
from notmiwae.training.recipe import ImputationSpec, TrainingSpec
from notmiwae.training.selection import is_within
from notmiwae.training.trainer import Trainer

COLUMNS = ("x_1", "x_2")
LINEAR = ModelSpec(latent_size=1, encoder={"kind": "mlp", "hidden": [32]}, decoder={"kind": "linear"})
FLEXIBLE = ModelSpec(
    latent_size=2, encoder={"kind": "mlp", "hidden": [32]}, decoder={"kind": "mlp", "hidden": [32]}
)
HIGH = processes.parse({"kind": "self_masking", "direction": "high"})
UNKNOWN = processes.parse({"kind": "self_masking", "direction": "unknown"})
IGNORABLE = processes.parse({"kind": "ignorable"})
SHORT = TrainingSpec(steps=12, samples=4, batch_size=16, check_every=5, validation_samples=10)


def gaussian(rows=500, direction="high", seed=0):
    """The poster's Gaussian: x_1 missing above its mean, or below it; and the complete table."""
    complete = generator(seed, "gaussian").multivariate_normal([1.0, -2.0], [[4, 1.6], [1.6, 1]], rows)
    above = complete[:, 0] > complete[:, 0].mean()
    masked = complete.copy()
    masked[above if direction == "high" else ~above, 0] = np.nan
    return masked, complete


def weights(result):
    return result.fitted.model.state_dict()


def assert_same_bits(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_seed_decides_every_bit_and_another_seed_differs():
    table, _ = gaussian(60)
    first, again, other = (fit(table, COLUMNS, LINEAR, UNKNOWN, SHORT, seed) for seed in (1, 1, 2))
    assert_same_bits(weights(first), weights(again))
    assert first.curve == again.curve
    assert first.curve != other.curve
    differing = [not torch.equal(weights(first)[name], weights(other)[name]) for name in weights(first)]
    assert all(differing)


def test_fitting_leaves_the_global_generators_and_the_table_alone():
    table, _ = gaussian(60)
    before = table.copy()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert np.array_equal(table, before, equal_nan=True)


def test_fitting_depends_on_the_seed_alone_not_on_the_global_generator():
    table, _ = gaussian(60)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1)
        torch.manual_seed(2)
        assert_same_bits(weights(first), weights(fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1)))


@pytest.mark.parametrize("direction", ["high", "low"])
def test_an_unknown_direction_is_found_and_beats_miwae(direction):
    table, complete = gaussian(500, direction)
    training = TrainingSpec(
        steps=300, samples=10, batch_size=64, learning_rate=2e-2, missing_process_learning_rate=5e-2
    )
    missing = np.isnan(table)
    errors = {}
    for process in (UNKNOWN, IGNORABLE):
        result = fit(table, COLUMNS, LINEAR, process, training, 3)
        mean = impute(result.fitted, table, ImputationSpec(samples=500, draws=0), 4).mean
        errors[process.kind] = np.sqrt(np.mean((mean - complete)[missing] ** 2))
        if process is UNKNOWN:
            assert result.fitted.process.direction == direction
            assert {point.start for point in result.curve} == {0, 1}
            slopes, _ = result.fitted.model.missing_process.slopes_and_edges()
            assert (slopes.item() > 0) == (direction == "high")
    # In units of x_1's deviation of 2, Bayes-optimal is 0.459 and the published MIWAE 1.153 (docs/study.md).
    assert errors["self_masking"] < 2 * 0.55
    assert errors["ignorable"] > 2 * 0.9


@pytest.fixture(scope="module")
def overfitted():
    """A network that learns 20 rows by heart while the bound of the other 20 falls."""
    table, _ = gaussian(40, seed=5)
    spec = TrainingSpec(
        steps=300,
        samples=5,
        learning_rate=3e-2,
        decay=0,
        held_out=0.5,
        check_every=10,
        validation_samples=20,
        slack=0,
    )
    return table, spec, fit(table, COLUMNS, FLEXIBLE, HIGH, spec, 6)


def best_point(result):
    return max(result.curve, key=lambda point: point.validation_bound)


def kept_point(result):
    return [point for point in result.curve if point.kept][-1]


def test_without_slack_the_weights_kept_are_those_of_the_best_held_out_bound(overfitted):
    table, spec, result = overfitted
    best = best_point(result)
    assert kept_point(result) == best
    assert result.validation_bound == best.validation_bound
    assert best.step < spec.steps, "this training was to overfit"
    # Without a decay, a training that ends there takes the same steps.
    stopped = fit(table, COLUMNS, FLEXIBLE, HIGH, spec.model_copy(update={"steps": best.step}), 6)
    assert_same_bits(weights(result), weights(stopped))


def test_without_slack_a_point_is_kept_if_and_only_if_it_is_the_best_so_far(overfitted):
    *_, result = overfitted
    bounds = [point.validation_bound for point in result.curve]
    assert [point.kept for point in result.curve] == [
        bound > max(bounds[:number], default=-math.inf) for number, bound in enumerate(bounds)
    ]


@pytest.mark.parametrize("slack", [1.0, 1e9])
def test_with_slack_later_weights_are_kept_and_the_bound_is_theirs(overfitted, slack):
    table, spec, strict = overfitted
    result = fit(table, COLUMNS, FLEXIBLE, HIGH, spec.model_copy(update={"slack": slack}), 6)
    kept = kept_point(result)
    assert [point.validation_bound for point in result.curve] == [
        point.validation_bound for point in strict.curve
    ], "slack changes what is kept, not what is trained"
    assert kept.step >= best_point(result).step
    assert (kept.step == spec.steps) == (slack > 1)
    assert result.validation_bound == kept.validation_bound
    # A training that ends there and keeps its last weights has the same.
    last = spec.model_copy(update={"steps": kept.step, "slack": 1e9})
    assert_same_bits(weights(result), weights(fit(table, COLUMNS, FLEXIBLE, HIGH, last, 6)))


def test_slack_is_counted_in_standard_errors_of_the_paired_difference():
    best = torch.tensor([0.0, 10.0, -10.0, 5.0])
    shortfall = torch.tensor([0.1, 0.3, 0.1, 0.3])  # mean 0.2, standard error 0.0577
    for slack, within in ((3.4, False), (3.5, True)):
        assert is_within(slack, best, best - shortfall) is within
    assert is_within(0.0, best, best + shortfall) is True
    # The rows' own spread plays no part, and a single row has none.
    assert is_within(3.4, 100 * best, 100 * best - shortfall) is False
    assert is_within(9.0, best[:1], best[:1] - 0.1) is False


def test_the_curve_holds_every_measurement(overfitted):
    _, spec, result = overfitted
    assert [point.step for point in result.curve] == list(range(10, spec.steps + 1, 10))
    assert {point.start for point in result.curve} == {0}
    assert all(
        math.isfinite(point.training_bound) and math.isfinite(point.validation_bound)
        for point in result.curve
    )


def test_patience_stops_after_so_many_measurements_without_a_better_bound(overfitted):
    table, spec, patient = overfitted
    stopped = fit(table, COLUMNS, FLEXIBLE, HIGH, spec.model_copy(update={"patience": 3}), 6)
    assert stopped.curve == patient.curve[: len(stopped.curve)]
    assert stopped.curve[-1].step == best_point(stopped).step + 3 * spec.check_every < spec.steps


def test_the_last_step_is_measured_even_off_the_beat():
    table, _ = gaussian(60)
    assert [point.step for point in fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1).curve] == [5, 10, 12]


def test_step_sizes_fall_linearly_to_zero_over_the_decay():
    x, s = torch.randn(9, 2, generator=torch.Generator().manual_seed(1)), torch.ones(9, 2)
    model = NotMIWAE(LINEAR, 2, HIGH.build(torch.tensor([0]), x, s))
    spec = TrainingSpec(
        steps=10, decay=0.5, learning_rate=1e-3, missing_process_learning_rate=2e-3, check_every=1
    )
    trainer = Trainer([model], [(x, s)], spec, [1], 0)
    sizes = []
    for step in range(1, 11):
        trainer.train(step)
        sizes.append([group["lr"] for group in trainer._optimiser.adam.param_groups])
    networks, process = zip(*sizes, strict=True)
    assert networks == pytest.approx([1e-3 * share for share in (1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2)])
    assert process == pytest.approx([2 * size for size in networks])


def test_the_missing_process_has_a_step_size_of_its_own():
    table, _ = gaussian(60)
    spec = SHORT.model_copy(update={"missing_process_learning_rate": 1e-12})
    slow, quick = (fit(table, COLUMNS, LINEAR, HIGH, each, 1) for each in (spec, SHORT))
    start = math.log(HIGH.initial_slope)
    assert weights(slow)["missing_process.log_slope"].item() == pytest.approx(start, abs=1e-6)
    assert abs(weights(quick)["missing_process.log_slope"].item() - start) > 1e-3


def test_reports_reach_the_last_step_of_the_last_start():
    table, _ = gaussian(60)
    calls = []
    result = fit(table, COLUMNS, LINEAR, UNKNOWN, SHORT, 1, report=lambda *call: calls.append(call))
    # Both starts race to the first measurement; the better one goes on alone.
    assert [call[0] for call in calls] == [5, 5, 10, 12]
    assert {call[1] for call in calls} == {12}
    winner = result.curve[-1].start if result.curve[-1].step == 12 else result.curve[0].start
    in_order = sorted(result.curve, key=lambda point: (point.step, point.start))
    assert [call[2] for call in calls] == [point.validation_bound for point in in_order]
    assert {point.start for point in in_order[2:]} == {winner}


def poisoned(monkeypatch, name, after):
    """Make the parameter `name` NaN once the model was used `after` times."""
    original, calls = NotMIWAE.importance_samples, []

    def poison(self, *arguments):
        calls.append(1)
        if len(calls) > after:
            # In training it's a view of the models' matrix.
            attrgetter(name)(self).data.fill_(math.nan)
        return original(self, *arguments)

    monkeypatch.setattr(NotMIWAE, "importance_samples", poison)


@pytest.mark.parametrize(
    ("parameter", "term"),
    [
        ("observation.raw_scale", "log p(x_o|z)"),
        ("missing_process.edge", "log p(s|x)"),
        ("encoder.2.bias", "log q(z|x_o)"),
    ],
)
def test_a_bound_that_is_not_finite_stops_with_its_step_and_the_term_that_broke(monkeypatch, parameter, term):
    table, _ = gaussian(60)
    poisoned(monkeypatch, parameter, after=3)
    with pytest.raises(DivergenceError) as caught:
        fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1)
    message = str(caught.value)
    assert "at step 4;" in message
    assert term in message
    assert "\n" not in message


def test_a_missing_process_that_breaks_is_the_only_term_named(monkeypatch):
    table, _ = gaussian(60)
    poisoned(monkeypatch, "missing_process.edge", after=0)
    with pytest.raises(DivergenceError, match=r"at step 1; not finite: log p\(s\|x\)\."):
        fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1)


def test_a_held_out_bound_that_is_not_finite_stops_too(monkeypatch):
    table, _ = gaussian(60)
    poisoned(monkeypatch, "observation.raw_scale", after=5)  # the sixth use measures step 5
    with pytest.raises(DivergenceError, match="at step 5;"):
        fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1)


def test_values_out_of_single_precisions_reach_diverge_instead_of_training_on():
    table, _ = gaussian(60)
    table[:, 1] *= 1e30
    with pytest.raises(DivergenceError, match="at step 1;"):
        fit(table, COLUMNS, LINEAR.model_copy(update={"standardise": False}), HIGH, SHORT, 1)


def test_a_column_without_an_observed_value_is_named():
    table, _ = gaussian(60)
    table[:, 0] = np.nan
    with pytest.raises(DataError, match=r"^column 'x_1' has no observed value; drop it$"):
        fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1)


def test_a_value_that_is_no_code_is_named_before_training():
    table = np.array([[0.0, 1.0], [1.0, 0.0], [np.nan, 2.0], [1.0, 1.0]])
    network = LINEAR.model_copy(update={"observation": observations.parse({"kind": "bernoulli"})})
    with pytest.raises(DataError, match=r"^column 'x_2' holds 2; accepted .*: the codes 0 to 1$"):
        fit(table, COLUMNS, network, IGNORABLE, SHORT, 1)


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_rows_to_hold_some_out_are_refused(rows):
    table = np.array([[0.0, 1.0], [1.0, 0.0]])[:rows]
    spec = SHORT.model_copy(update={"held_out": 0.9})
    with pytest.raises(DataError, match=f"^n_samples={rows}: too few rows to hold out 90% of them$"):
        fit(table, COLUMNS, LINEAR, IGNORABLE, spec, 1)


def test_fewer_rows_than_a_batch_are_trained_on_whole():
    table, _ = gaussian(9)
    assert math.isfinite(fit(table, COLUMNS, LINEAR, HIGH, SHORT, 1).validation_bound)


@pytest.mark.parametrize("constant", [0.0, 0.1, 3.0, -1e6])
def test_a_constant_column_survives(constant):
    table, _ = gaussian(60)
    table = np.column_stack([table, np.full(60, constant)])
    table[7, 2] = np.nan
    result = fit(table, (*COLUMNS, "x_3"), LINEAR, HIGH, SHORT, 1)
    completed = impute(result.fitted, table, ImputationSpec(samples=20, draws=3), 2)
    assert np.isfinite(completed.mean).all()
    assert np.isfinite(completed.draws).all()
    # Rounding gives 0.1 a tiny deviation of its own, which isn't its scale.
    assert result.fitted.scaling.scale[2] == 1.0


def test_rows_without_an_observed_value_and_the_order_of_columns_do_no_harm():
    table, _ = gaussian(60)
    table[:3] = np.nan
    assert math.isfinite(fit(table[:, ::-1].copy(), COLUMNS, LINEAR, HIGH, SHORT, 1).validation_bound)


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize("kind", processes.names())
def test_a_complete_table_can_be_trained_on(kind, shared):
    _, complete = gaussian(60)
    fields = {"shared": shared} if kind in ("self_masking", "two_sided") else {}
    result = fit(complete, COLUMNS, LINEAR, processes.parse({"kind": kind, **fields}), SHORT, 1)
    assert math.isfinite(result.validation_bound)


def test_weights_start_from_the_same_networks_whatever_the_missing_process():
    table, _ = gaussian(60)
    spec = SHORT.model_copy(
        update={"steps": 1, "learning_rate": 1e-12, "missing_process_learning_rate": 1e-12}
    )
    with_process, without = (
        weights(fit(table, COLUMNS, LINEAR, process, spec, 1)) for process in (HIGH, IGNORABLE)
    )
    for name, value in without.items():
        assert torch.allclose(value, with_process[name], rtol=0, atol=1e-7), name
