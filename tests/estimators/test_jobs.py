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
from notmiwae.training.recipe import ImputationSpec, TrainingSpec

HIGH, LOW = (processes.parse({"kind": "self_masking", "direction": each}) for each in ("high", "low"))
TRAINING = TrainingSpec(steps=12, check_every=4, samples=3, batch_size=16, together=2)


@pytest.fixture
def values() -> np.ndarray:
    table = generator(3, "fitting").normal(size=(60, 3))
    table[table[:, 0] > 0.4, 0] = np.nan
    return table


def members(
    values: np.ndarray, count: int, n_jobs: int | None = None, process: list[ProcessSpec] | None = None
) -> list:
    network = ModelSpec(
        latent_size=1,
        encoder=MLPSpec(hidden=(8,)),
        decoder=MLPSpec(hidden=(8,)),
        observation=observation(describe(pd.DataFrame(values, columns=list("abc")))),
    )
    return Workers(n_jobs).fit(
        values, ("a", "b", "c"), network, process or [HIGH] * count, TRAINING, range(count)
    )


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


def test_members_of_one_process_are_computed_as_one_and_come_back_in_their_order(values: np.ndarray) -> None:
    said = [HIGH, LOW, HIGH, LOW, HIGH]
    mixed = members(values, 5, process=said)
    assert [each.fitted.process for each in mixed] == said
    high, low = (members(values, 5, process=[each] * 5) for each in (HIGH, LOW))
    rows = np.nan_to_num(values)
    for place, each in enumerate(mixed):
        alone = (high, low)[place % 2][place]
        np.testing.assert_allclose(
            each.fitted.missing_probability(rows), alone.fitted.missing_probability(rows), atol=1e-4
        )


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
