"""Strange tables and extreme slopes: bound, gradients, means and draws are finite, or a line says why not."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from notmiwae.errors import NotMIWAEError
from notmiwae.estimators.evidence import masks_at_random
from notmiwae.estimators.scoring import row_bounds
from notmiwae.imputation import impute
from notmiwae.model.bound import iwae_bound
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.training.fit import fit
from notmiwae.training.recipe import ImputationSpec, TrainingSpec

SMALL = {"kind": "mlp", "hidden": [4]}
TRAINING = TrainingSpec(steps=4, samples=2, batch_size=8, check_every=2, validation_samples=3)
FEW = ImputationSpec(samples=5, draws=2)
OBSERVATIONS = [
    {"kind": "gaussian"},
    {"kind": "gaussian", "network_scale": True, "floor": 0.1},
    {"kind": "student_t"},
]
EDGED = [
    {"kind": "self_masking"},
    {"kind": "self_masking", "direction": "low", "link": "logistic"},
    {"kind": "self_masking", "marginal": "sampled"},
    {"kind": "two_sided"},
    {"kind": "interval"},
    {"kind": "interval", "shared": True},
]
OTHERS = [{"kind": "agnostic_linear"}, {"kind": "mcar"}, {"kind": "ignorable"}]
few_examples = settings(max_examples=50, derandomize=True)


def random_table(rows, columns, missing, seed):
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, columns))
    gone = draw.random(values.shape) < missing
    gone[0] = False
    return np.where(gone, np.nan, values)


@st.composite
def tables(draw):
    """Few rows or many columns, hardly anything observed, scales and shifts of each column's own."""
    rows, columns = draw(st.sampled_from([(2, 2), (3, 1), (12, 3), (4, 20), (300, 2)]))
    table = random_table(rows, columns, draw(st.sampled_from([0.0, 0.4, 0.99])), draw(st.integers(0, 9)))
    scale = st.integers(-8, 8) | st.sampled_from([-300, -150, -38, -30, 30, 38, 150])
    for j in range(columns):
        table[:, j] *= 10.0 ** draw(scale)
        # A shift leaves a column the less variation the larger it is, down to rounding alone.
        table[:, j] += draw(st.sampled_from([0.0, 0.0, 1.0, -1e3, 1e8, -1e30]))
    if draw(st.booleans()):
        table = np.repeat(table[:2], 6, axis=0)
    if draw(st.booleans()):
        table[1, 0] = draw(st.sampled_from([0.0, 1e12, -1e30]))
    return table


def fitted(table, observation, process, **training):
    network = ModelSpec(latent_size=2, encoder=SMALL, decoder=SMALL, observation=observation)
    names = tuple(f"x_{j}" for j in range(table.shape[1]))
    changed = TrainingSpec.model_validate(TRAINING.model_dump() | training)
    return fit(table, names, network, processes.parse(process), changed, 1)


def assert_finite(model, table):
    imputed = impute(model, table, FEW, 2)
    assert np.isfinite(imputed.mean).all()
    assert np.isfinite(imputed.draws).all()
    assert np.isfinite(row_bounds([model], masks_at_random([model], table), table, 5, 1)).all()
    assert np.isfinite(model.missing_probability(imputed.mean)).all()


@few_examples
@given(
    table=tables(),
    observation=st.sampled_from(OBSERVATIONS),
    process=st.sampled_from(EDGED + OTHERS),
    slope=st.sampled_from([1e-6, 1e-2, 3.0, 1e3, 1e6]),
    batch=st.sampled_from([1, 2, 8]),
)
def test_training_on_a_strange_table(table, observation, process, slope, batch):
    if process in EDGED:
        process = process | {"initial_slope": slope}
    try:
        result = fitted(table, observation, process, batch_size=batch)
    except NotMIWAEError:
        return
    assert math.isfinite(result.validation_bound)
    # Not finite either if a gradient wasn't.
    assert all(values.isfinite().all() for values in result.fitted.model.state_dict().values())
    assert_finite(result.fitted, table)


@pytest.mark.parametrize("process", EDGED)
@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_a_slope_however_steep_and_rows_however_far(observation, process):
    table = random_table(12, 3, 0.4, 0)
    model = fitted(table, observation, process).fitted
    for slope in (1e-6, 1e3, 1e6):
        with torch.no_grad():
            model.model.missing_process.log_slope.fill_(math.log(slope))
        for away in (1.0, 1e3, 1e6):
            rows = table * np.where(np.arange(12) < 6, away, 1.0)[:, None]
            model.model.zero_grad()
            terms = model.model(*model.scaling.tensors(rows), 5, torch.Generator().manual_seed(1))
            reached = iwae_bound(terms.log_weights())
            assert reached.isfinite().all()
            reached.mean().backward()
            for parameter in model.model.parameters():
                assert parameter.grad is None or parameter.grad.isfinite().all()
            assert_finite(model, rows)
