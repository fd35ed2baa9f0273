"""Random numbers of the model: from one generator, or for a stack of models from one for each.

Generators are the processor's on every device, so that a model meets the same noise wherever it's computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class Generators(torch.Generator):
    """Stands where a generator does while models are computed together, under `torch.vmap`.

    Each model draws from its own, so that it meets the numbers that it would meet alone.

    Attributes:
        each: The models' generators.
    """

    def __new__(cls, each: Sequence[torch.Generator]) -> Generators:
        """A generator that is only a place for `each`."""
        return super().__new__(cls)

    def __init__(self, each: Sequence[torch.Generator]) -> None:
        self.each = tuple(each)


def normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal draws of the shape of `like`."""
    return _draw(_normal, like, generator)


def uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform draws from the open interval (0, 1), whose logarithm is finite, in double precision."""
    return _draw(_uniform, like, generator)


def standard_gamma(concentration: Tensor, generator: torch.Generator) -> Tensor:
    """Draws from Gamma(concentration, 1), with implicit gradients (Figurnov et al. 2018)."""
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
    if not isinstance(generator, Generators):
        return draw(like, generator)
    drawn: Tensor = _ByModel.apply(like, draw, generator)  # type: ignore[no-untyped-call]
    return drawn


class _ByModel(torch.autograd.Function):
    """Nothing but a rule for `torch.vmap`: model by model, each with its own generator."""

    @staticmethod
    def forward(like: Tensor, draw: Any, generator: Generators) -> Tensor:
        raise RuntimeError("generators of several models are for use under torch.vmap")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing to keep, as `forward` never runs."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, like: Tensor, draw: Any, generator: Generators) -> tuple[Tensor, int]:
        models = zip(like.unbind(in_dims[0]), generator.each, strict=True)
        return torch.stack([draw(of_model, each) for of_model, each in models]), 0
