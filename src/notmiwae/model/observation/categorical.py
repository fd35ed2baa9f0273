"""The categorical observation model, of columns that hold codes 0 to V − 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from typing_extensions import override

from notmiwae.errors import ParameterError
from notmiwae.model.distributions import Likelihood, Nodes, pick, weighted_sum
from notmiwae.model.noise import uniform
from notmiwae.model.observation.observation_model import ObservationSpec, observations
from notmiwae.model.shapes import Shape

_IMPOSSIBLE = -1e30
"""The logit of a code that a column doesn't have: finite, since −∞ times a zero of the mask is no number."""


@observations.register("categorical")
class CategoricalSpec(ObservationSpec):
    """`p(x_j = v | z) = softmax(f_j(z))_v` for columns of codes 0, …, V_j − 1.

    The imputation is the most probable code: the mean of codes is no code.

    Attributes:
        categories: Number of codes V_j, one for all columns or a list with one for each.
    """

    categories: (
        Annotated[int, Field(ge=2)] | Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
    )

    def of_each(self, features: int) -> tuple[int, ...]:
        """List the number of codes V_j of each feature.

        Raises:
            ParameterError: `categories` is a list of another length.
        """
        if isinstance(self.categories, int):
            return (self.categories,) * features
        if len(self.categories) != features:
            given = f"categories: {len(self.categories)} numbers for {features} columns"
            raise ParameterError(f"{given}; accepted: one for each column, or one for all")
        return self.categories

    @override
    def levels(self, features: int) -> list[int]:
        return list(self.of_each(features))

    @override
    def codes(self, features: int) -> list[int]:
        return list(self.of_each(features))

    @override
    def outputs(self, features: int) -> int:
        return sum(self.of_each(features))

    @override
    def build(self, features: int) -> nn.Module:
        return CategoricalObservation(self.of_each(features))


class CategoricalObservation(nn.Module):
    """A categorical distribution of each feature, from a block of V_j logits."""

    sizes: Tensor
    slots: Tensor

    def __init__(self, categories: tuple[int, ...]) -> None:
        super().__init__()
        sizes, codes = torch.tensor(categories), torch.arange(max(categories))
        firsts = sizes.cumsum(0) - sizes
        slots = torch.where(codes < sizes[:, None], firsts[:, None] + codes, -1)
        self.register_buffer("sizes", sizes, persistent=False)
        self.register_buffer("slots", slots, persistent=False)

    def forward(self, decoded: Tensor) -> Categorical:
        """Return p(x | z) for decoded logits `[..., Σ_j V_j]`."""
        logits = decoded[..., self.slots.clamp_min(0)]
        return Categorical(logits.masked_fill(self.slots < 0, _IMPOSSIBLE).log_softmax(-1), self.sizes)


@dataclass(frozen=True)
class Categorical(Likelihood):
    """Independent codes.

    Attributes:
        log_probs: Log-probabilities of the codes, `[..., D, V]` for V the most codes of any feature.
        sizes: Number of codes V_j of each feature, `[D]`.
    """

    log_probs: Tensor
    sizes: Tensor

    @property
    @override
    def mean(self) -> Tensor:
        """Mode, the most probable code: a mean of codes is none."""
        return self.log_probs.argmax(-1).to(self.log_probs.dtype)

    @override
    def log_prob(self, x: Tensor, s: Tensor) -> Tensor:
        # Whatever stands in a missing cell, gather needs a code there.
        codes = x.clamp(0, self.log_probs.shape[-1] - 1).long()
        codes = codes.expand(self.log_probs.shape[:-1])[..., None]
        return (s * self.log_probs.gather(-1, codes)[..., 0]).sum(-1)

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        # By inverting the cumulative probabilities.
        shares = self.log_probs.exp().cumsum(-1)[..., :-1]
        codes = (uniform(shares[..., :1], generator) > shares).sum(-1)
        return codes.minimum(self.sizes - 1).to(shares.dtype)

    @override
    def columns(self, index: Tensor) -> Categorical:
        return Categorical(self.log_probs.index_select(-2, index), self.sizes[index])

    @override
    def pick(self, chosen: Tensor) -> Categorical:
        return Categorical(pick(self.log_probs, chosen), self.sizes)

    @override
    def nodes(self, count: int) -> Nodes:
        codes = torch.arange(self.log_probs.shape[-1], device=self.log_probs.device).to(self.log_probs.dtype)
        return Nodes(codes.reshape(-1, *[1] * (self.log_probs.dim() - 1)), self.log_probs.movedim(-1, 0))

    @override
    def estimate(self, values: Tensor, weights: Tensor) -> Tensor:
        """Impute with the code of the most weight."""
        votes = [(weights * (values == code)).sum(0) for code in range(self.log_probs.shape[-1])]
        return torch.stack(votes).argmax(0).to(weights.dtype)

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        return weighted_sum(alpha, self.log_probs.exp()).argmax(-1).to(alpha.dtype)
