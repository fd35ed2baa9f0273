"""Models on rows drawn with replacement: they differ by the standard error of what they learnt."""

import numpy as np
import pytest

from notmiwae.imputation import impute
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.model.observation.gaussian import GaussianSpec
from notmiwae.training.fit import fit_together
from notmiwae.training.recipe import ImputationSpec, TrainingSpec

ROWS, NOISE, MODELS = 400, 0.6, 20
LINEAR = ModelSpec(
    latent_size=1,
    encoder={"kind": "linear"},
    decoder={"kind": "linear"},
    observation=GaussianSpec(floor=0.05, initial_scale=1.0),
)


def imputed_means(bootstrap):
    """What each of some models imputes on average, of a noisy line whose y is seen in every second row."""
    draw = np.random.default_rng(4)
    x = draw.normal(size=ROWS)
    y = x + NOISE * draw.normal(size=ROWS)
    y[::2] = np.nan
    table = np.column_stack([x, y])
    # All rows at each step: what is left of the optimiser's noise is small.
    steady = {"steps": 400, "batch_size": ROWS, "samples": 10, "learning_rate": 0.02, "decay": 0.7}
    training = TrainingSpec(**steady, check_every=100, together=MODELS, bootstrap=bootstrap)
    fits = fit_together([table] * MODELS, ("x", "y"), LINEAR, IgnorableSpec(), training, range(MODELS))
    spec = ImputationSpec(samples=200, draws=0)
    return np.array([impute(fit.fitted, table, spec, 1).mean[::2, 1].mean() for fit in fits])


def test_models_differ_by_the_standard_error_of_what_they_learnt():
    # Of a line at the middle of its n points: σ / √n, of the nine tenths that aren't held out.
    error = NOISE / np.sqrt(0.9 * ROWS / 2)
    drawn, plain = imputed_means(bootstrap=True), imputed_means(bootstrap=False)
    assert drawn.std(ddof=1) == pytest.approx(error, rel=0.35)
    assert plain.std(ddof=1) < 0.6 * error
    assert drawn.mean() == pytest.approx(plain.mean(), abs=error)
