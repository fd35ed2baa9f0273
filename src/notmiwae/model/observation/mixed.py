"""Observation models of tables whose columns are of different kinds: real values beside codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, Field, NonNegativeInt
from torch import Tensor, nn
from typing_extensions import override

from notmiwae.errors import ParameterError
from notmiwae.model.distributions import Likelihood, Nodes
from notmiwae.model.observation.observation_model import ObservationSpec, observations
from notmiwae.model.shapes import Shape
from notmiwae.specs import Spec


class PartSpec(Spec):
    """Columns of one kind.

    Attributes:
        columns: Indices of the columns.
        observation: Observation model p(x_j | z) of these columns.
    """

    columns: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    observation: Annotated[ObservationSpec, BeforeValidator(observations.parse)]

    @override
    def to_mapping(self) -> dict[str, Any]:
        return super().to_mapping() | {"columns": list(self.columns)}


@observations.register("mixed")
class MixedSpec(ObservationSpec):
    """`p(x | z) = Π_j p_j(x_j | z)`: an observation model for each group of columns.

    Attributes:
        parts: Groups of columns, which together hold every column once.
    """

    parts: Annotated[tuple[PartSpec, ...], Field(min_length=1)]

    @override
    def to_mapping(self) -> dict[str, Any]:
        return super().to_mapping() | {"parts": [part.to_mapping() for part in self.parts]}

    @override
    def groups(self, features: int) -> list[list[int]]:
        """List the columns of each part.

        Raises:
            ParameterError: a column is in no part, in two of them, or isn't in the table.
        """
        groups = [list(part.columns) for part in self.parts]
        columns = sorted(column for group in groups for column in group)
        if columns != list(range(features)):
            given, accepted = ", ".join(map(str, columns)), f"each column of 0 to {features - 1} in one part"
            raise ParameterError(f"mixed: parts: columns {given}; accepted: {accepted}")
        return groups

    @override
    def levels(self, features: int) -> list[int]:
        return self._by_column(features, [part.observation.levels(len(part.columns)) for part in self.parts])

    @override
    def codes(self, features: int) -> list[int]:
        return self._by_column(features, [part.observation.codes(len(part.columns)) for part in self.parts])

    def _by_column(self, features: int, by_part: Sequence[Sequence[int]]) -> list[int]:
        numbers: dict[int, int] = {}
        for group, values in zip(self.groups(features), by_part, strict=True):
            numbers |= dict(zip(group, values, strict=True))
        return [numbers[column] for column in range(features)]

    @override
    def outputs(self, features: int) -> int:
        return sum(self._outputs())

    def _outputs(self) -> list[int]:
        return [part.observation.outputs(len(part.columns)) for part in self.parts]

    @override
    def build(self, features: int) -> nn.Module:
        parts = [part.observation.build(len(part.columns)) for part in self.parts]
        return MixedObservation(parts, self.groups(features), self._outputs())


class MixedObservation(nn.Module):
    """Observation models side by side, each with outputs of the decoder of its own.

    Arguments:
        parts: Observation models.
        groups: Columns of each part.
        outputs: Number of outputs of the decoder that each part takes.
    """

    def __init__(self, parts: list[nn.Module], groups: list[list[int]], outputs: list[int]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.groups = groups
        self.outputs = outputs

    def forward(self, decoded: Tensor) -> Mixed:
        """Return p(x | z) for decoded outputs, `[..., outputs]`."""
        blocks = torch.split(decoded, self.outputs, -1)
        return Mixed(
            tuple(part(block) for part, block in zip(self.parts, blocks, strict=True)),
            tuple(torch.tensor(group, device=decoded.device) for group in self.groups),
        )


@dataclass(frozen=True)
class Mixed(Likelihood):
    """Independent groups of columns, each with a distribution of its own.

    Attributes:
        parts: Distributions of the groups.
        places: Columns of each group.
    """

    parts: tuple[Likelihood, ...]
    places: tuple[Tensor, ...]

    def _joined(self, by_part: list[Tensor]) -> Tensor:
        """Put values of the parts' columns in the order of all columns, `[..., D]`."""
        return torch.cat(by_part, -1).index_select(-1, torch.cat(self.places).argsort())

    def _cut(self, values: Tensor) -> list[Tensor]:
        return [values.index_select(-1, places) for places in self.places]

    @property
    @override
    def mean(self) -> Tensor:
        return self._joined([part.mean for part in self.parts])

    @override
    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        terms = zip(self.parts, self._cut(x), self._cut(s), strict=True)
        return sum((part.log_prob(x_part, s_part) for part, x_part, s_part in terms), start=x.new_zeros(()))

    @override
    def score(self, x: Tensor, s: Tensor) -> Tensor | float:
        terms = zip(self.parts, self._cut(x), self._cut(s), strict=True)
        return sum(part.score(x_part, s_part) for part, x_part, s_part in terms)

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        return self._joined([part.sample(generator) for part in self.parts])

    @override
    def columns(self, index: Tensor) -> Likelihood:
        """Take the distribution of the features at `index`; for columns of one part, that part's own."""
        parts, places = [], []
        for part, columns in zip(self.parts, self.places, strict=True):
            which = (index[:, None] == columns).nonzero()
            if len(which) == len(index):
                return part.columns(which[:, 1])
            if len(which):
                parts.append(part.columns(which[:, 1]))
                places.append(which[:, 0])
        return Mixed(tuple(parts), tuple(places))

    @override
    def pick(self, chosen: Tensor) -> Mixed:
        return Mixed(tuple(part.pick(chosen) for part in self.parts), self.places)

    @override
    def nodes(self, count: int) -> Nodes:
        """Refuse: nodes of a sum and of a quadrature don't mix, so take one part's columns.

        Raises:
            ParameterError: always.
        """
        raise ParameterError("mixed: columns of several kinds have no nodes in common; take one kind's")

    @override
    def estimate(self, values: Tensor, weights: Tensor) -> Tensor:
        # Weights may be one for all columns.
        weights = weights.expand(values.shape)
        terms = zip(self.parts, self._cut(values), self._cut(weights), strict=True)
        return self._joined([part.estimate(v_part, w_part) for part, v_part, w_part in terms])

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        if shape is None:
            return self._joined([part.average(alpha) for part in self.parts])
        parts = zip(self.parts, self.places, strict=True)
        return self._joined([part.average(alpha, shape.columns(places)) for part, places in parts])
