"""Networks and training of the estimators: what is taken where the user says nothing."""

from collections.abc import Sequence

import numpy as np

from notmiwae.estimators.columns import Column, observation
from notmiwae.model.networks import MLPSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.model.observation.gaussian import GaussianSpec
from notmiwae.training.recipe import TrainingSpec

ENOUGH = 5.0
"""Effective samples of a member at which a row has enough."""
_LARGE = 10_000
"""Rows from which batches are larger."""
_EPOCHS = 10
_TOLD = 350
"""Steps before which no start is left out."""


def network(
    columns: Sequence[Column], latent_size: int | None, hidden: Sequence[int], shapes: bool | None = None
) -> ModelSpec:
    """Choose the model of a table with these columns; see `MIWAEImputer` for the arguments."""
    # Counts have the limit 0 without its being said.
    limited = [column.kind == "continuous" and column.bounded for column in columns]
    shaped = tuple(np.flatnonzero(limited).tolist()) if shapes is None else shapes
    spec = MLPSpec(hidden=tuple(hidden), skip=True)
    numbers = GaussianSpec(network_scale=True, floor=0.1, initial_scale=1.0)
    return ModelSpec(
        latent_size=latent_size or max(1, min(20, len(columns) - 1)),
        encoder=spec,
        decoder=spec,
        observation=observation(columns, numbers),
        shapes=shaped or False,
        limits=tuple((column.lowest, column.highest) for column in columns) if shaped else (),
    )


def training(rows: int, steps: int | None, bootstrap: bool = False) -> TrainingSpec:
    """Choose how a table of so many rows is trained; see `MIWAEImputer` for `steps` and `bootstrap`."""
    large = rows >= _LARGE
    batch = 256 if large else 64
    steps = steps or min(2000, max(700, _EPOCHS * rows // batch))
    return TrainingSpec(
        steps=steps,
        batch_size=batch,
        samples=5,
        learning_rate=4e-3,
        missing_process_learning_rate=5e-2,
        check_every=100,
        # Earlier the bounds of a process with drivers and without don't tell which is right.
        race=min(1.0, max(0.5, _TOLD / steps)),
        # Where a step is long, models computed as one only crowd each other out of the cache.
        together=1 if large else 5,
        bootstrap=bootstrap,
    )
