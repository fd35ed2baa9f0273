"""No missing process: p(s | x) is left out of the bound, which makes the model a MIWAE."""

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from notmiwae.model.distributions import Likelihood
from notmiwae.model.missing_process.missing_process import (
    Features,
    Missing,
    MissingProcess,
    ProcessSpec,
    processes,
)
from notmiwae.model.shapes import Shape


@dataclass(frozen=True)
class Unconditioned:
    """Missing values of which being missing says nothing once z is known; a subclass draws them.

    Attributes:
        px: Law of the values given z, p(x | z), `[K, B, D]` or of some columns `[K, B, C]`.
        log_prob: Log-probability of the mask given z, broadcastable to `[K, B]` or `[K, B, C]`.
    """

    px: Likelihood
    log_prob: Tensor

    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        """Impute with the mean of p(x | z) under importance weights α `[K, B]`; see `Missing.average`."""
        return self.px.average(alpha, shape)


class IgnorableMissing(Unconditioned, Missing):
    """x_m | z under ignorable missingness: p(x_m | z) itself."""

    @override
    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        return self.px.pick(chosen).sample(generator)

    @override
    def by_feature(self) -> Tensor:
        return torch.zeros_like(self.px.mean)


@processes.register("ignorable")
class IgnorableSpec(ProcessSpec):
    """No missing process: what MIWAE assumes (Mattei & Frellsen, ICML 2019)."""

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        return IgnorableProcess(columns)


class IgnorableProcess(MissingProcess):
    """The absence of a process: `p(s | x)` is left out of the bound."""

    @override
    def forward(
        self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator, w: Tensor | None = None
    ) -> Missing:
        return IgnorableMissing(px, x.new_zeros(()))

    @override
    def missing_probability(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        """Return zero for every cell, as the rate of missing values isn't modelled."""
        return torch.zeros_like(x)
