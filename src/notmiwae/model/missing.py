"""Missing processes p(s | x) that a model learns, and what they say of the values that are missing.

A missing process is a module. `forward(px, x, s, noise)` returns the values' `Missing` given z and the mask:
the log-probability of the mask, and the mean and draws of the missing values. Where the integral over the
missing values has a closed form it is exact (`probit.py`); otherwise the values are sampled.

Not to be mistaken for the simulation mechanisms of `data/mechanisms.py`, which make values missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from notmiwae.model.distributions import Normal, pick
from notmiwae.model.networks import MLP, Linear, NetworkSpec, Size
from notmiwae.params import Registry, Spec


class Missing(Protocol):
    """What the mask and z say of a row: p(s | x_o, z) and p(x_m | z, s), for K samples of z."""

    @property
    def log_prob(self) -> Tensor:
        """`log p(s | x_o, z)` (exact) or `log p(s | x_o, x_m)` at a sampled x_m, `[K, B]`."""

    def mean(self) -> Tensor:
        """`E[x_m | z, s]`, or the sampled x_m, `[K, B, D]`; of use only where s = 0."""

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of x_m | z_k, s for each chosen k, `[M, B]`, as `[M, B, D]`; of use only where s = 0."""


class MissingProcess(nn.Module):
    """Base of the missing processes.

    Arguments:
        columns: Indices of the features that can be missing; the others have no process, and a cell
            missing there all the same is taken as ignorable.
        features: D, the number of all features.
    """

    columns: Tensor

    def __init__(self, columns: Tensor, features: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("columns", columns.long(), persistent=False)

    def forward(self, px: Normal, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
        """Condition the missing values on the mask.

        Arguments:
            px: p(x | z), `[K, B, D]`.
            x: Values `[B, D]`, anything finite where missing.
            s: Mask `[B, D]`, 1 where observed.
            generator: For processes that sample x_m.
        """
        raise NotImplementedError

    def missing_probability(self, x: Tensor) -> Tensor:
        """`p(s_j = 0 | x)` for complete rows `x` `[N, D]`: one column a feature, zero without a process."""
        raise NotImplementedError

    def _scatter(self, values: Tensor, x: Tensor) -> Tensor:
        return torch.zeros_like(x).index_copy(-1, self.columns, values)


class ProcessSpec(Spec):
    """How a missing process is built for a table."""

    def build(self, columns: Tensor, x: Tensor, s: Tensor) -> MissingProcess:
        """A process over the features `columns`, started from the observed values of `x` `[N, D]`."""
        raise NotImplementedError

    def starts(self) -> list[ProcessSpec]:
        """The settings to train from, of which the highest held-out bound wins; usually one."""
        return [self]


processes: Registry[ProcessSpec] = Registry("missing process")


@dataclass(frozen=True)
class IgnorableMissing:
    """x_m | z under ignorable missingness: p(x_m | z) itself; a `Missing`."""

    px: Normal
    log_prob: Tensor

    def mean(self) -> Tensor:
        """See `Missing.mean`."""
        return self.px.mean

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """See `Missing.sample`."""
        mean = pick(self.px.mean, chosen)
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        return Normal(mean, self.px.scale).rsample(noise)


@processes.register("ignorable")
class Ignorable(ProcessSpec):
    """No missing process: what MIWAE assumes (Mattei & Frellsen, ICML 2019)."""

    def build(self, columns: Tensor, x: Tensor, s: Tensor) -> MissingProcess:
        """See `ProcessSpec.build`."""
        return IgnorableProcess(columns, x.shape[-1])


class IgnorableProcess(MissingProcess):
    """`p(s | x)` left out of the bound; see `Ignorable`."""

    def forward(self, px: Normal, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
        """See `MissingProcess.forward`."""
        return IgnorableMissing(px, px.mean.new_zeros(()))

    def missing_probability(self, x: Tensor) -> Tensor:
        """The rate of missing values isn't modelled: zero."""
        return torch.zeros_like(x)


@dataclass(frozen=True)
class SampledMissing:
    """x_m as sampled, reparameterised; a `Missing`."""

    values: Tensor
    log_prob: Tensor

    def mean(self) -> Tensor:
        """The sample itself: the importance weights were computed at it."""
        return self.values

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """The sample itself; see `mean`."""
        return pick(self.values, chosen)


class AgnosticProcess(MissingProcess):
    """`p(s_j = 0 | x) = sigmoid(f_j(x))`, f a network of the whole row (Ipsen et al. 2021, §3.2).

    It isn't separable, so x_m is sampled from p(x_m | z), reparameterised.
    """

    def __init__(self, columns: Tensor, features: int, network: NetworkSpec) -> None:
        super().__init__(columns, features)
        self.network = network.build(features, len(columns))

    def forward(self, px: Normal, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
        """See `MissingProcess.forward`."""
        noise = torch.randn(px.mean.shape, generator=generator, dtype=px.mean.dtype)
        values = torch.where(s.bool(), x, px.rsample(noise))
        sign = 1.0 - 2.0 * s.index_select(-1, self.columns)
        log_prob = logsigmoid(sign * self.network(values)).sum(-1)
        return SampledMissing(values, log_prob)

    def missing_probability(self, x: Tensor) -> Tensor:
        """See `MissingProcess.missing_probability`."""
        return self._scatter(torch.sigmoid(self.network(x)), x)


@processes.register("agnostic_linear")
class AgnosticLinear(ProcessSpec):
    """Logistic regression of the mask on the whole row."""

    def build(self, columns: Tensor, x: Tensor, s: Tensor) -> MissingProcess:
        """See `ProcessSpec.build`."""
        return AgnosticProcess(columns, x.shape[-1], Linear())


@processes.register("agnostic_nonlinear")
class AgnosticNonlinear(ProcessSpec):
    """A multi-layer perceptron from the whole row to the mask."""

    hidden: Annotated[tuple[Size, ...], Field(min_length=1)] = (128,)

    def build(self, columns: Tensor, x: Tensor, s: Tensor) -> MissingProcess:
        """See `ProcessSpec.build`."""
        return AgnosticProcess(columns, x.shape[-1], MLP(hidden=self.hidden))
