"""Imputation: observed cells stay, draws and means agree with each other and with the exact posterior."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import kstest, norm

from notmiwae import imputation as imputation_module
from notmiwae.imputation import BLOCK, impute, impute_together
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.randomness import generator, torch_seed
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.recipe import ImputationSpec
from notmiwae.training.scaling import Scaling

COLUMNS = ("x_1", "x_2", "x_3")
SPEC = ModelSpec(latent_size=1, encoder={"kind": "linear"}, decoder={"kind": "linear"})
SCALING = Scaling(np.array([10.0, -5.0, 0.3]), np.array([2.0, 0.1, 1 / 3]))
MISSING = torch.tensor([0, 1])


def model(kind="self_masking", columns=MISSING):
    """An untrained model of three features, two with a process; its encoder is near the prior."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        x = torch.randn(100, 3)
        spec = processes.parse({"kind": kind})
        fitted = NotMIWAE(SPEC, 3, spec.build(columns, x, torch.ones_like(x)))
    with torch.no_grad():
        fitted.observation.raw_scale.fill_(0.5)
        fitted.encoder.weight.mul_(0.1)
        fitted.encoder.bias.copy_(torch.tensor([0.0, 0.7]))
    return FittedModel(fitted.eval(), spec, COLUMNS, SCALING)


def table(rows=40, seed=0):
    """Rows in the scaling's units, of which some miss the first, the second, both, all, or nothing."""
    draw = generator(seed, "table")
    values = draw.normal(size=(rows, 3)) * SCALING.scale + SCALING.mean
    values[draw.random((rows, 3)) < 0.3] = np.nan
    values[:3], values[3] = np.where(np.isnan(values[:3]), SCALING.mean, values[:3]), np.nan
    return values


EVERY_KIND = pytest.mark.parametrize("kind", processes.names())


@EVERY_KIND
def test_observed_cells_are_untouched_to_the_last_bit_and_missing_ones_filled(kind):
    masked = table()
    before = masked.copy()
    found = impute(model(kind), masked, ImputationSpec(samples=30, draws=4), 1)
    observed = ~np.isnan(masked)
    assert np.array_equal(masked, before, equal_nan=True)
    for completed in (found.mean, *found.draws):
        assert np.array_equal(completed[observed], masked[observed])
        assert np.isfinite(completed).all()
    assert found.draws.shape == (4, *masked.shape)


@EVERY_KIND
def test_rows_without_missing_values_stay_and_take_no_samples(kind):
    masked = table()
    found = impute(model(kind), masked, ImputationSpec(samples=30, draws=4), 1)
    assert np.array_equal(found.mean[:3], masked[:3])
    assert (found.draws[:, :3] == masked[:3]).all()
    assert (found.samples[:3] == 0).all()
    assert (found.effective_samples[:3] == 0).all()
    assert (found.samples[np.isnan(masked).any(axis=1)] == 30).all()


@EVERY_KIND
def test_a_complete_table_comes_back_as_it_is(kind):
    complete = np.where(np.isnan(table()), SCALING.mean, table())
    found = impute(model(kind), complete, ImputationSpec(samples=30, draws=2), 1)
    assert np.array_equal(found.mean, complete)
    assert (found.draws == complete).all()


@EVERY_KIND
@pytest.mark.parametrize("samples", [1, 2, 200])
def test_effective_samples_lie_between_one_and_all(kind, samples):
    masked = table(200)
    found = impute(model(kind), masked, ImputationSpec(samples=samples, draws=0), 1)
    slack = 1e-4 * samples
    effective = found.effective_samples[np.isnan(masked).any(axis=1)]
    assert (effective >= 1 - slack).all()
    assert (effective <= samples + slack).all()
    assert samples == 1 or effective.min() < 0.9 * samples


@EVERY_KIND
def test_a_seed_decides_the_imputation(kind):
    fitted, masked, spec = model(kind), table(), ImputationSpec(samples=30, draws=4)
    first, again, other = (impute(fitted, masked, spec, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.mean, again.mean)
    assert np.array_equal(first.draws, again.draws)
    missing = np.isnan(masked)
    assert (first.mean != other.mean)[missing].all()


def test_imputing_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    impute(model(), table(), ImputationSpec(samples=30, draws=4), 1)
    assert torch.equal(torch.get_rng_state(), state)


def test_no_draws_are_made_unless_asked_for():
    assert impute(model(), table(), ImputationSpec(samples=30, draws=0), 1).draws.shape == (0, 40, 3)


@EVERY_KIND
def test_draws_scatter_around_the_mean(kind):
    masked = table(30)
    found = impute(model(kind), masked, ImputationSpec(samples=4000, draws=1000), 1)
    missing = np.isnan(masked)
    draws, mean = found.draws[:, missing], found.mean[missing]
    deviations = (draws.mean(axis=0) - mean) / (draws.std(axis=0) / np.sqrt(1000))
    assert (draws.std(axis=0) > 0).all()
    assert np.abs(deviations).max() < 5
    assert deviations.std() < 1.6


@EVERY_KIND
def test_a_row_is_imputed_alone_as_in_any_table(kind, monkeypatch):
    fitted, spec = model(kind), ImputationSpec(samples=200, enough=10, draws=4)
    masked = table(60)
    whole = impute(fitted, masked, spec, 1)
    monkeypatch.setattr(imputation_module, "_CHUNK_VALUES", 50 * 3 * 7)  # seven rows at once
    order = generator(5, "order").permutation(60)[:45]
    for rows in (order, [8], slice(20, 40)):
        found = impute(fitted, masked[rows], spec, 1, block=3)
        assert np.array_equal(found.samples, whole.samples[rows])
        assert found.effective_samples == pytest.approx(whole.effective_samples[rows], rel=1e-3)
        assert np.abs((found.mean - whole.mean[rows]) / SCALING.scale).max() < 1e-4
        assert np.isfinite(found.draws).all()


@EVERY_KIND
def test_rows_that_hold_the_same_have_one_mean_and_draws_of_their_own(kind):
    alike = np.array([[np.nan, np.nan, 0.3], [np.nan, np.nan, -0.0], [np.nan, np.nan, 0.0]])
    masked = alike[[0, 1, 0, 2, 0]]
    found = impute(model(kind), masked, ImputationSpec(samples=50, draws=9), 1)
    assert np.array_equal(found.mean[[0, 1]], found.mean[[2, 3]])
    assert np.array_equal(found.mean[0], found.mean[4])
    assert np.array_equal(found.effective_samples[0:2], found.effective_samples[2:4])
    assert np.array_equal(np.signbit(found.mean[:, 2]), np.signbit(masked[:, 2])), "what is seen stays"
    for first, second in ((0, 2), (2, 4), (1, 3)):
        assert (found.draws[:, first, :2] != found.draws[:, second, :2]).all()


def test_importance_samples_of_rows_that_hold_the_same_are_independent():
    """Else what is pooled over them would have one row's Monte Carlo error, which no draw shows."""
    fitted, spec = linear_gaussian(), ImputationSpec(samples=2, draws=200)
    masked = np.tile(np.array([np.nan, np.nan, 0.7]) * SCALING.scale + SCALING.mean, (400, 1))
    found = impute(fitted, masked, spec, 1)
    by_row = (found.draws[:, :, 0].mean(axis=0) - SCALING.mean[0]) / SCALING.scale[0]
    # Each row's draws scatter around its own two samples; all rows' around what is exact for two.
    many = impute(fitted, masked, spec, 2).draws[:, :, 0]
    other = (many.mean(axis=0) - SCALING.mean[0]) / SCALING.scale[0]
    assert by_row.std() > 0.15
    assert by_row.mean() == pytest.approx(other.mean(), abs=5 * by_row.std() * np.sqrt(2 / 400))
    assert np.corrcoef(by_row, np.roll(by_row, 1))[0, 1] == pytest.approx(0.0, abs=0.25)


def test_a_chunk_holds_a_row_at_least(monkeypatch):
    fitted, masked, spec = model(), table(), ImputationSpec(samples=30, draws=4)
    monkeypatch.setattr(imputation_module, "_CHUNK_VALUES", 1)
    found = impute(fitted, masked, spec, 1)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.draws).all()


# --- against the exact posterior of a linear-Gaussian model, in the table's own units

WEIGHTS, SIGMA, SLOPE, EDGE = np.array([0.9, 0.6, -0.8]), 0.5, 6.0, 0.4


def linear_gaussian():
    fitted = model(columns=torch.tensor([0]))
    gain = -0.8 / SIGMA**2 / (1 + (0.8 / SIGMA) ** 2)
    with torch.no_grad():
        fitted.model.decoder.weight.copy_(torch.tensor(WEIGHTS[:, None]))
        fitted.model.decoder.bias.zero_()
        fitted.model.observation.raw_scale.fill_(np.log(np.expm1(SIGMA - 0.01)))
        fitted.model.encoder.weight.zero_()
        fitted.model.encoder.weight[0, 2] = gain
        fitted.model.encoder.bias.copy_(torch.tensor([0.2, 0.5]))
        fitted.model.missing_process.log_slope.fill_(np.log(SLOPE))
        fitted.model.missing_process.edge.fill_(EDGE)
    return fitted


class Posterior:
    """x_1, standardised, given x_3 and that x_1 is missing by its process, x_2 by none."""

    def __init__(self, x_3):
        variance = WEIGHTS[2] ** 2 + SIGMA**2
        gain = WEIGHTS[0] * WEIGHTS[2] / variance
        self.centre, self.sd = (
            gain * x_3,
            np.sqrt(WEIGHTS[0] ** 2 * (1 - WEIGHTS[2] ** 2 / variance) + SIGMA**2),
        )
        grid = np.linspace(self.centre - 9 * self.sd, self.centre + 9 * self.sd, 20_001)
        cumulated = np.cumsum(self.density(grid))
        self.cdf = lambda x: np.interp(x, grid, cumulated / cumulated[-1])
        mass = self.integral(lambda x: 1.0)
        self.mean = self.integral(lambda x: x) / mass

    def density(self, x):
        return ndtr(SLOPE * (x - EDGE)) * norm.pdf(x, self.centre, self.sd)

    def integral(self, function):
        ends = self.centre - 9 * self.sd, self.centre + 9 * self.sd
        return quad(lambda x: function(x) * self.density(x), *ends, points=[EDGE, self.centre])[0]


def test_mean_and_draws_are_those_of_the_exact_posterior_in_the_tables_units():
    fitted = linear_gaussian()
    row = np.array([[np.nan, np.nan, 0.7]]) * SCALING.scale + SCALING.mean
    found = impute(fitted, row, ImputationSpec(samples=40_000, draws=4000), 1)
    exact = Posterior(0.7)
    mean = (found.mean[0, 0] - SCALING.mean[0]) / SCALING.scale[0]
    assert mean == pytest.approx(exact.mean, abs=0.02)
    draws = (found.draws[:, 0, 0] - SCALING.mean[0]) / SCALING.scale[0]
    assert kstest(draws, exact.cdf).pvalue > 1e-3
    assert kstest(draws, "norm", args=(exact.centre, exact.sd)).pvalue < 1e-6, "ignorable draws differ"


def test_a_constant_missing_process_imputes_like_miwae():
    constant, masked, spec = model("self_masking"), table(), ImputationSpec(samples=300, draws=0)
    with torch.no_grad():
        constant.model.missing_process.log_slope.fill_(-30.0)
    ignorable = model("ignorable")
    ignorable.model.load_state_dict(constant.model.state_dict(), strict=False)
    first, second = impute(constant, masked, spec, 1), impute(ignorable, masked, spec, 1)
    assert first.mean == pytest.approx(second.mean, rel=1e-5, abs=1e-5)
    assert first.effective_samples == pytest.approx(second.effective_samples, rel=1e-4)
    with torch.no_grad():
        constant.model.missing_process.log_slope.fill_(2.0)
    assert impute(constant, masked, spec, 1).mean != pytest.approx(second.mean, rel=1e-2)


def test_high_values_going_missing_raise_the_imputation():
    fitted, spec = linear_gaussian(), ImputationSpec(samples=500, draws=0)
    row = np.array([[np.nan, 0.0, 0.0]]) * SCALING.scale + SCALING.mean
    high = impute(fitted, row, spec, 1).mean[0, 0]
    fitted.model.missing_process.sign = -1.0
    low = impute(fitted, row, spec, 1).mean[0, 0]
    assert high > SCALING.mean[0] + EDGE * SCALING.scale[0] > low


# --- several models together


def members():
    """Three models that disagree by whole deviations."""
    found = []
    for shift in (0.0, 5.0, -2.0):
        found.append(linear_gaussian())
        with torch.no_grad():
            found[-1].model.decoder.bias.add_(torch.tensor([shift, shift, 0.0]))
    return found


def test_members_impute_by_the_mean_of_their_means():
    masked, spec = table(), ImputationSpec(samples=500, draws=0)
    together = impute_together(members(), masked, spec, 1)
    alone = [impute_together([member], masked, spec, 1).mean for member in members()]
    missing = np.isnan(masked)
    # Only the first draws the same random numbers alone as together; the others agree up to those.
    scale = np.broadcast_to(SCALING.scale, masked.shape)[missing]
    difference = (together.mean - np.mean(alone, axis=0))[missing] / scale
    assert np.abs(difference).max() < 0.5
    assert np.abs((alone[0] - np.mean(alone, axis=0))[missing] / scale).max() > 0.8


@pytest.mark.parametrize(("codes", "imputed"), [((0, 2, 2), 2), ((0, 0, 2), 0), ((2, 0, 1), 2)])
def test_members_impute_the_code_that_most_of_them_impute(codes, imputed):
    """Not a code between theirs; the first member's where each has another."""

    def sure(code):
        spec = ModelSpec(latent_size=1, observation={"kind": "categorical", "categories": 3})
        ignorable = processes.parse({"kind": "ignorable"})
        found = NotMIWAE(spec, 1, ignorable.build(torch.tensor([0]), torch.zeros(1, 1), torch.ones(1, 1)))
        with torch.no_grad():
            for parameter in found.decoder.parameters():
                parameter.zero_()
            list(found.decoder.parameters())[-1][code] = 9.0
        return FittedModel(found.eval(), ignorable, ("x",), Scaling(np.zeros(1), np.ones(1)))

    masked = np.array([[1.0], [np.nan]])
    filled = impute_together([sure(code) for code in codes], masked, ImputationSpec(samples=5, draws=0), 1)
    assert filled.mean.tolist() == [[1.0], [imputed]]


def test_draws_of_a_block_have_noise_of_their_own_and_members_take_turns():
    """What a seed stands for; a number's place in the table and the members before it change nothing."""
    masked, spec = table(BLOCK + 20), ImputationSpec(samples=6, draws=5)
    report = []
    found = impute_together(members(), masked, spec, 1, lambda *call: report.append(call))
    for number, rows in enumerate((slice(0, BLOCK), slice(BLOCK, None))):
        alone = [
            impute(
                member,
                masked[rows],
                ImputationSpec(samples=6, draws=share),
                torch_seed(1, "member", place),
                block=number,
            )
            for place, (member, share) in enumerate(zip(members(), (2, 2, 1), strict=True))
        ]
        missing = np.isnan(masked[rows])
        means = np.mean([each.mean for each in alone], axis=0)
        assert np.array_equal(found.mean[rows], np.where(missing, means, masked[rows]))
        for place, each in enumerate(alone):
            assert np.array_equal(found.draws[place::3, rows], each.draws)
        for name in ("samples", "effective_samples"):
            expected = np.mean([getattr(each, name) for each in alone], axis=0)
            assert np.array_equal(getattr(found, name)[rows], expected)
        assert report[number][2] == found.effective_samples[rows].mean()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_members_leave_observed_cells_untouched_to_the_last_bit(count):
    masked = table()
    found = impute_together(members()[:count], masked, ImputationSpec(samples=20, draws=4), 1)
    observed = ~np.isnan(masked)
    for completed in (found.mean, *found.draws):
        assert np.array_equal(completed[observed], masked[observed])


@pytest.mark.parametrize("draws", [0, 1, 2, 3, 7, 20])
def test_members_take_turns_to_draw_and_share_what_was_asked_for(draws):
    # A cell far from any edge, so that a draw's size says whose it is.
    row = np.array([[0.0, np.nan, 0.0]]) * SCALING.scale + SCALING.mean
    trio = members()
    for member, shift in zip(trio, (0.0, 100.0, 200.0), strict=True):
        with torch.no_grad():
            member.model.decoder.bias.copy_(torch.tensor([0.0, shift, 0.0]))
    found = impute_together(trio, row, ImputationSpec(samples=200, draws=draws), 1)
    values = (found.draws[:, 0, 1] - SCALING.mean[1]) / SCALING.scale[1]
    assert np.round(values / 100).tolist() == [number % 3 for number in range(draws)]
    assert np.isfinite(found.mean).all()
    assert (found.mean[0, 1] - SCALING.mean[1]) / SCALING.scale[1] == pytest.approx(100, abs=1)


def test_members_that_are_equal_are_independent_in_their_noise():
    masked, spec = table(), ImputationSpec(samples=50, draws=2)
    found = impute_together([linear_gaussian(), linear_gaussian()], masked, spec, 1)
    assert (found.draws[0] != found.draws[1])[np.isnan(masked)].all()
    effective = found.effective_samples[np.isnan(masked).any(axis=1)]
    assert 1 <= effective.min() <= effective.max() <= 50 * (1 + 1e-4)


def test_a_table_may_be_imputed_piece_by_piece():
    masked, spec = table(5 * BLOCK // 2), ImputationSpec(samples=5, draws=3)
    whole = impute_together(members(), masked, spec, 1)
    cut = 2 * BLOCK
    pieces = [impute_together(members(), masked[:cut], spec, 1)]
    pieces.append(impute_together(members(), masked[cut:], spec, 1, first=cut))
    assert np.array_equal(np.concatenate([piece.mean for piece in pieces]), whole.mean)
    assert np.array_equal(np.concatenate([piece.draws for piece in pieces], axis=1), whole.draws)


def test_progress_is_told_block_by_block_up_to_all_rows():
    calls = []
    spec = ImputationSpec(samples=2, draws=0)
    impute_together([model()], table(BLOCK + 10), spec, 1, report=lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(BLOCK, BLOCK + 10), (BLOCK + 10, BLOCK + 10)]


@pytest.mark.parametrize(
    ("samples", "tries"), [(20, [20]), (50, [50]), (200, [50, 200]), (1000, [50, 200, 800, 1000])]
)
def test_a_row_is_tried_with_more_samples_until_it_has_enough(samples, tries):
    spec = ImputationSpec(samples=samples, enough=10, draws=2)
    assert spec.tries() == tries
    assert ImputationSpec(samples=samples).tries() == [samples]


@EVERY_KIND
def test_rows_take_the_fewest_samples_of_which_enough_count(kind):
    masked = table(300)
    spec = ImputationSpec(samples=800, enough=25, draws=2)
    found = impute(model(kind), masked, spec, 1)
    incomplete = np.isnan(masked).any(axis=1)
    taken, effective = found.samples[incomplete], found.effective_samples[incomplete]
    assert set(taken) <= {50, 200, 800}
    assert (effective[taken < 800] >= 25).all()
    # What was good enough at once is what the first try alone gives.
    first = impute(model(kind), masked, ImputationSpec(samples=50, draws=2), 1)
    at_once = found.samples == 50
    assert at_once.any()
    assert np.array_equal(found.mean[at_once], first.mean[at_once])
    assert (first.effective_samples[found.samples > 50] < 25).all()
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.draws).all()


@EVERY_KIND
@pytest.mark.parametrize("enough", [None, 10])
def test_the_mean_does_not_depend_on_the_number_of_draws(kind, enough):
    masked = table(300)
    none, some = (
        impute(model(kind), masked, ImputationSpec(samples=200, enough=enough, draws=draws), 1)
        for draws in (0, 7)
    )
    assert np.array_equal(none.mean, some.mean)
