"""Rows for each step: every model's own, shuffled once an epoch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from notmiwae.training.selection import ModelProgress

Rows = tuple[Tensor, ...]
"""Standardised rows, zero where missing, their mask, and the ends of what is known of them if anything is, as
`NotMIWAE.importance_samples` takes them: `[N, …]`, or `[R, B, …]` for R batches."""


class Minibatches:
    """The batches of models that are computed as one; each model meets those that it would meet alone.

    Arguments:
        tables: Rows of each model, on the device of the models; they aren't copied.
        models: States of the models' trainings: which rows of each are held out, and each one's generator.
        size: Number of rows a step, B.
    """

    def __init__(self, tables: Sequence[Rows], models: Sequence[ModelProgress], size: int) -> None:
        self._tables = list(tables)
        self._models = list(models)
        self._size = size
        self._left: list[Tensor] = []

    def next(self) -> Rows:
        """Take the models' next batches."""
        if not self._left:
            order = torch.stack([model.shuffled() for model in self._models])
            size = min(self._size, order.shape[1])
            # The remainder waits for another epoch.
            places = range(0, order.shape[1] - size + 1, size)
            self._left = [order[:, place : place + size] for place in places][::-1]
        numbers = self._left.pop()
        parts = [[each[own] for each in rows] for rows, own in zip(self._tables, numbers, strict=True)]
        return tuple(torch.stack(part) for part in zip(*parts, strict=True))

    def held_out(self, r: int) -> Rows:
        """Take the rows that measure the ELBO of the r-th model."""
        return tuple(each[self._models[r].held_out] for each in self._tables[r])

    def select(self, places: Sequence[int]) -> None:
        """Go on with the models at these `places` alone."""
        self._tables = [self._tables[r] for r in places]
        self._models = [self._models[r] for r in places]
        self._left = [numbers[list(places)] for numbers in self._left]

    def state(self) -> dict[str, Tensor]:
        """Return the batches that are left of this epoch, for a checkpoint."""
        return {f"batch.{place}": numbers for place, numbers in enumerate(self._left)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on with the batches that were left; the inverse of `state`."""
        count = sum(name.startswith("batch.") for name in tensors)
        self._left = [tensors[f"batch.{place}"] for place in range(count)]
