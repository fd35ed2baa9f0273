"""Members of an imputer, however they are spread over processes."""

import numpy as np
import pandas as pd
import pytest

from notmiwae.estimators import workers as jobs_module
from notmiwae.estimators.column_kinds import describe
from notmiwae.estimators.columns import observation
from notmiwae.estimators.workers import Workers, mean_bound
from notmiwae.imputation import BLOCK
from notmiwae.model.missing_process.missing_process import ProcessSpec, processes
from notmiwae.model.networks import MLPSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.randomness import generator
from notmiwae.training import fit as training_module
from notmiwae.training.recipe import ImputationSpec, TrainingSpec

UNKNOWN = processes.parse({"kind": "self_masking", "direction": "unknown"})
TRAINING = TrainingSpec(steps=12, check_every=4, samples=3, batch_size=16, together=2)


@pytest.fixture
def values() -> np.ndarray:
    table = generator(3, "fitting").normal(size=(60, 3))
    table[table[:, 0] > 0.4, 0] = np.nan
    return table


def members(
    values: np.ndarray, count: int, n_jobs: int | None = None, process: ProcessSpec = UNKNOWN
) -> list:
    network = ModelSpec(
        latent_size=1,
        encoder=MLPSpec(hidden=(8,)),
        decoder=MLPSpec(hidden=(8,)),
        observation=observation(describe(pd.DataFrame(values, columns=list("abc")))),
    )
    return Workers(n_jobs).fit(values, ("a", "b", "c"), network, process, TRAINING, range(count))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_processes_change_no_bit_of_the_members(values: np.ndarray, count: int) -> None:
    alone, spread = members(values, count), members(values, count, n_jobs=2)
    assert len(alone) == count
    for one, other in zip(alone, spread, strict=True):
        assert one.curve == other.curve
        rows = np.nan_to_num(values)
        np.testing.assert_array_equal(
            one.fitted.missing_probability(rows), other.fitted.missing_probability(rows)
        )


def test_all_take_the_direction_that_the_first_ones_voted_for(
    values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, original = [], training_module.winning_runs

    def watched(bounds: np.ndarray, count: int) -> list[int]:
        seen.append(bounds.shape)
        return original(-bounds, count)

    monkeypatch.setattr(training_module, "winning_runs", watched)
    fits = members(values, 5)
    assert seen == [(2, 1, 2)]
    assert len({each.fitted.process.direction for each in fits}) == 1
    monkeypatch.undo()
    other = members(values, 5)
    assert other[0].fitted.process.direction != fits[0].fitted.process.direction


def test_processes_change_no_bit_of_an_imputation(
    values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = [each.fitted for each in members(values, 2)]
    many = np.tile(values, (90, 1))
    monkeypatch.setattr(jobs_module, "_PIECE", 2 * BLOCK)
    spec = ImputationSpec(samples=10, draws=3)
    alone, spread = (Workers(n_jobs).impute(fitted, many, spec, 5) for n_jobs in (1, 2))
    assert len(many) > 5 * BLOCK
    for name in ("mean", "draws", "samples", "effective_samples"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(spread, name))


def test_the_mean_bound_is_the_mean_of_the_bounds(values: np.ndarray) -> None:
    fits = members(values, 3)
    assert mean_bound(fits) == pytest.approx(np.mean([each.validation_bound for each in fits]))
