"""No missing process: p(s | x) is left out of the bound, which makes the model a MIWAE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from notmiwae.model.distributions import Likelihood
from notmiwae.model.missing_process.missing_process import Missing, MissingProcess, ProcessSpec, processes


@dataclass(frozen=True)
class Unconditioned:
    """Missing values of which being missing says nothing once z is known; a subclass draws them."""

    px: Likelihood
    log_prob: Tensor

    def mean(self) -> Tensor:
        """See `Missing.mean`."""
        return self.px.mean

    def average(self, alpha: Tensor) -> Tensor:
        """See `Missing.average`."""
        return self.px.average(alpha)


class IgnorableMissing(Unconditioned):
    """x_m | z under ignorable missingness: p(x_m | z) itself; a `Missing`."""

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """See `Missing.sample`."""
        return self.px.pick(chosen).sample(generator)


@processes.register("ignorable")
class IgnorableSpec(ProcessSpec):
    """No missing process: what MIWAE assumes (Mattei & Frellsen, ICML 2019)."""

    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """See `ProcessSpec.build`."""
        return IgnorableProcess(columns)


class IgnorableProcess(MissingProcess):
    """`p(s | x)` left out of the bound; see `IgnorableSpec`."""

    def forward(self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
        """See `MissingProcess.forward`."""
        return IgnorableMissing(px, x.new_zeros(()))

    def missing_probability(self, x: Tensor) -> Tensor:
        """The rate of missing values isn't modelled: zero."""
        return torch.zeros_like(x)
