"""Observation models p(x | z): what the decoder's outputs mean."""

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from notmiwae.errors import DataError
from notmiwae.specs import Registry, Spec


class ObservationSpec(Spec):
    """How an observation model is built for a table of D features."""

    def groups(self, features: int) -> list[list[int]]:
        """List the columns of each kind, by index; usually one group."""
        return [list(range(features))]

    def levels(self, features: int) -> list[int]:
        """Count the codes, from 0 on, of each column; 0 for real values, which alone may be standardised."""
        return [0] * features

    def codes(self, features: int) -> list[int]:
        """Count the codes of each column that are names, not quantities; 0 where it holds quantities."""
        return [0] * features

    def outputs(self, features: int) -> int:
        """Count the outputs of the decoder that the model takes; one a feature unless it says otherwise."""
        return features

    def check(self, x: Tensor, s: Tensor, columns: Sequence[str]) -> None:
        """Check that observed values of rows `[N, D]` are codes where the model takes codes.

        Raises:
            DataError: an observed value is no code that its column takes; the message names the column.
        """
        levels = torch.tensor(self.levels(x.shape[-1]))
        is_code = (x == x.round()) & (x >= 0) & (x < levels)
        wrong = (s.bool() & (levels > 0) & ~is_code).nonzero()
        if len(wrong):
            row, column = wrong[0].tolist()
            accepted = f"accepted by its observation model: the codes 0 to {int(levels[column]) - 1}"
            raise DataError(f"column {columns[column]!r} holds {x[row, column].item():g}; {accepted}")

    def build(self, features: int) -> nn.Module:
        """Build a module whose `forward(decoded)` of `[..., outputs]` returns p(x | z), a `Likelihood`."""
        raise NotImplementedError


observations: Registry[ObservationSpec] = Registry("observation model", __package__)


class ScaledSpec(ObservationSpec):
    """What the models with a learnt scale have in common.

    Attributes:
        shared_scale: Whether all features have one σ (as in PPCA) instead of one each.
        floor: Smallest σ, in units of the standardised features.
        initial_scale: Scale σ before training.
    """

    shared_scale: bool = False
    floor: Annotated[float, Field(gt=0)] = 0.01
    initial_scale: Annotated[float, Field(gt=0)] = 0.5


def raw(value: float, floor: float) -> float:
    """Find the r for which `floor + softplus(r)` is `value`, or a little above the floor if that's more."""
    above = max(value - floor, 1e-3)
    return above + math.log(-math.expm1(-above))  # log(exp(above) − 1), which would overflow
