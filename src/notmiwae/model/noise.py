"""Random numbers of the model: from one generator, from each model's own, or from each row's own.

Generators are the processor's on every device, so that a model meets the same noise wherever it's computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class Generators(torch.Generator):
    """The generators of models that are computed as one, in the place of a generator under `torch.vmap`.

    Each model draws from its own, so that it meets the numbers that it would meet alone.

    Attributes:
        by_model: Generators of the R models.
    """

    def __new__(cls, by_model: Sequence[torch.Generator]) -> Generators:
        """Make a generator that only holds those of the models."""
        return super().__new__(cls)

    def __init__(self, by_model: Sequence[torch.Generator]) -> None:
        self.by_model = tuple(by_model)


class RowGenerators(torch.Generator):
    """The generators of rows, in the place of one: a row meets the same numbers in whatever table it stands.

    They fill tensors `[K, B, …]`, of which the second axis is the rows. What asks torch for numbers, and not
    this module, gets those of one generator that goes by the first row's seed.

    Arguments:
        seeds: Seeds of the B rows.

    Attributes:
        by_row: Generators of the B rows.
    """

    def __new__(cls, seeds: Sequence[int]) -> RowGenerators:
        """Make a generator that holds those of the rows."""
        return super().__new__(cls)

    def __init__(self, seeds: Sequence[int]) -> None:
        self.manual_seed(seeds[0])
        self.by_row = tuple(torch.Generator().manual_seed(seed) for seed in seeds)

    def draw(self, draw: Callable[[Tensor, torch.Generator], Tensor], like: Tensor) -> Tensor:
        """Draw for each row from its own."""
        rows = zip(like.cpu().unbind(1), self.by_row, strict=True)
        return torch.stack([draw(row, own) for row, own in rows], 1).to(like.device)


def normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw from the standard normal, in the shape of `like`."""
    return _draw(_normal, like, generator)


def uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw uniformly from (0, 1), both ends left out so that logarithms are finite, in double precision."""
    return _draw(_uniform, like, generator)


def standard_gamma(concentration: Tensor, generator: torch.Generator) -> Tensor:
    """Draw from Gamma(concentration, 1), with implicit gradients (Figurnov et al. 2018)."""
    return _draw(_standard_gamma, concentration, generator)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.rand(like.shape, generator=generator, dtype=torch.float64).to(like.device)
    return drawn.clamp(1e-16, 1.0 - 1e-16)


def _standard_gamma(concentration: Tensor, generator: torch.Generator) -> Tensor:
    return torch._standard_gamma(concentration, generator=generator)


def _draw(
    draw: Callable[[Tensor, torch.Generator], Tensor], like: Tensor, generator: torch.Generator
) -> Tensor:
    if isinstance(generator, RowGenerators):
        return generator.draw(draw, like)
    if not isinstance(generator, Generators):
        return draw(like, generator)
    drawn: Tensor = _ByModel.apply(like, draw, generator)  # type: ignore[no-untyped-call]
    return drawn


class _ByModel(torch.autograd.Function):
    """A draw that `torch.vmap` takes model by model, each from its own generator."""

    @staticmethod
    def forward(like: Tensor, draw: Any, generator: Generators) -> Tensor:
        raise RuntimeError("generators of several models are for use under torch.vmap")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing, as `forward` never runs."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, like: Tensor, draw: Any, generator: Generators) -> tuple[Tensor, int]:
        models = zip(like.unbind(in_dims[0]), generator.by_model, strict=True)
        return torch.stack([draw(part, own) for part, own in models]), 0
