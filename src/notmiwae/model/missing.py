"""Missing processes p(s | x) that a model learns, and what they say of the values that are missing.

A missing process is a module. `forward(px, x, s, generator)` returns the values' `Missing` given z and the
mask: the log-probability of the mask, and the mean and draws of the missing values. A process in which a
value's own size decides integrates over the missing values exactly (`separable.py`); one of the whole row
samples them (`RowProcess`, here).

Not to be mistaken for the simulation mechanisms of `data/mechanisms.py`, which make values missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from notmiwae.model.distributions import Likelihood, pick
from notmiwae.model.networks import MLP, Linear, NetworkSpec, Widths
from notmiwae.params import Registry, Spec


class Missing(Protocol):
    """What the mask and z say of a row: p(s | x_o, z) and p(x_m | z, s), for K samples of z."""

    @property
    def log_prob(self) -> Tensor:
        """`log p(s | x_o, z)`, or `log p(s | x_o, x_m)` at a sampled x_m, broadcastable to `[K, B]`."""

    def mean(self) -> Tensor:
        """`E[x_m | z, s]` (the most probable code, of codes), or the sampled x_m, `[K, B, D]`.

        Of use only where s = 0, as all that follows.
        """

    def average(self, alpha: Tensor) -> Tensor:
        """The imputation for normalised importance weights α `[K, B]`, as `[B, D]`.

        `Σ_k α_k E[x_m | z_k, s]`, or of codes the most probable one under the mixture of the K.
        """

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of x_m | z_k, s for each chosen k, `[M, B]`, as `[M, B, D]`."""


class MissingProcess(nn.Module):
    """Base of the missing processes.

    Arguments:
        columns: Indices of the features that can be missing; the others have no process, and a cell
            missing there all the same is taken as ignorable.
    """

    columns: Tensor

    def __init__(self, columns: Tensor) -> None:
        super().__init__()
        self.register_buffer("columns", columns.long(), persistent=False)

    def forward(self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
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

    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The least and the greatest value of parameters, by name, that training keeps them between."""
        return {}

    def learnt(self) -> list[dict[str, Any]]:
        """What was learnt, for a report: a mapping with the `column`'s index for each column, as plain data.

        In the units of the standardised features; empty for a process without such numbers.
        """
        return []

    def _scatter(self, values: Tensor, x: Tensor) -> Tensor:
        return torch.zeros_like(x).index_copy(-1, self.columns, values)


class ProcessSpec(Spec):
    """How a missing process is built for a table."""

    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """A process over the features `columns`, started from the observed values of `x` `[N, D]`.

        Shapes of parameters follow from `columns` and D alone, so that a saved process can be rebuilt
        without its table.

        Arguments:
            columns: Indices of the features that can be missing.
            x: Standardised rows `[N, D]`.
            s: Mask `[N, D]`.
            names: Of all D features, for a process with settings by column.
        """
        raise NotImplementedError

    def starts(self) -> list[ProcessSpec]:
        """The settings to train from, of which the highest held-out bound wins; usually one."""
        return [self]


processes: Registry[ProcessSpec] = Registry("missing process")


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
class Ignorable(ProcessSpec):
    """No missing process: what MIWAE assumes (Mattei & Frellsen, ICML 2019)."""

    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """See `ProcessSpec.build`."""
        return IgnorableProcess(columns)


class IgnorableProcess(MissingProcess):
    """`p(s | x)` left out of the bound; see `Ignorable`."""

    def forward(self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
        """See `MissingProcess.forward`."""
        return IgnorableMissing(px, x.new_zeros(()))

    def missing_probability(self, x: Tensor) -> Tensor:
        """The rate of missing values isn't modelled: zero."""
        return torch.zeros_like(x)


@dataclass(frozen=True)
class SampledMissing:
    """x_m as sampled, reparameterised; a `Missing`.

    Attributes:
        px: p(x | z).
        values: The rows completed by x_m ~ p(x_m | z), `[K, B, D]`.
        log_prob: `log p(s | x_o, x_m)`.
        decoder_mean: Impute with the mean of p(x_m | z), as if the mask said nothing of it.
    """

    px: Likelihood
    values: Tensor
    log_prob: Tensor
    decoder_mean: bool = False

    def mean(self) -> Tensor:
        """The sample itself: the importance weights were computed at it."""
        return self.px.mean if self.decoder_mean else self.values

    def average(self, alpha: Tensor) -> Tensor:
        """See `Missing.average`."""
        if self.decoder_mean:
            return self.px.average(alpha)
        return self.px.estimate(self.values, alpha[..., None])

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """The sample itself; see `mean`."""
        return pick(self.values, chosen)


def complete(
    px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor | float]:
    """Rows completed by x_m ~ p(x_m | z), `[K, B, D]`, and a summand of the log-weights that is zero.

    Gradients flow through the values where p(x | z) can be reparameterised. Codes can't: there the summand
    `log p(x_m | z) − [the same, detached]` holds the gradient in the decoder's parameters that the weight
    `p(s | x_o, x_m) p(x_m | z) / q(x_m)` has with p(x_m | z) itself as a proposal q that is held fixed.
    """
    values = torch.where(s.bool(), x, px.sample(generator))
    score = px.score(values, 1.0 - s)
    return values, score - score.detach() if isinstance(score, Tensor) else score


class RowProcess(MissingProcess):
    """Base of the processes `p(s_j = 0 | x) = sigmoid(f_j(x))` of the whole row; a subclass writes `logits`.

    They aren't separable, so x_m is sampled from p(x_m | z). An example, in which a row with large values
    in sum is the likelier to have gaps:

        >>> class SumProcess(RowProcess):
        ...     def __init__(self, columns):
        ...         super().__init__(columns)
        ...         self.slope = nn.Parameter(torch.ones(()))
        ...
        ...     def logits(self, x):
        ...         return (self.slope * x.sum(-1, keepdim=True)).expand(*x.shape[:-1], len(self.columns))
        >>> @processes.register("sum")
        ... class Sum(ProcessSpec):
        ...     def build(self, columns, x, s, names=None):
        ...         return SumProcess(columns)
        >>> x = torch.tensor([[1.0, 2.0, -3.0]])
        >>> process = processes.parse({"kind": "sum"}).build(torch.tensor([0, 2]), x, torch.ones_like(x))
        >>> process.missing_probability(x)
        tensor([[0.5000, 0.0000, 0.5000]], grad_fn=<IndexCopyBackward0>)
    """

    def logits(self, x: Tensor) -> Tensor:
        """f_j(x) of each feature with a process, `[..., C]`, for complete rows `[..., D]`."""
        raise NotImplementedError

    def forward(self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
        """See `MissingProcess.forward`."""
        values, score = complete(px, x, s, generator)
        sign = 1.0 - 2.0 * s.index_select(-1, self.columns)
        log_prob = logsigmoid(sign * self.logits(values)).sum(-1)
        return SampledMissing(px, values, log_prob + score)

    def missing_probability(self, x: Tensor) -> Tensor:
        """See `MissingProcess.missing_probability`."""
        return self._scatter(torch.sigmoid(self.logits(x)), x)


class AgnosticProcess(RowProcess):
    """f is a network of the whole row (Ipsen et al. 2021, §3.2)."""

    def __init__(self, columns: Tensor, features: int, network: NetworkSpec) -> None:
        super().__init__(columns)
        self.network = network.build(features, len(columns))

    def logits(self, x: Tensor) -> Tensor:
        """See `RowProcess.logits`."""
        logits: Tensor = self.network(x)
        return logits


@processes.register("agnostic_linear")
class AgnosticLinear(ProcessSpec):
    """Logistic regression of the mask on the whole row."""

    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """See `ProcessSpec.build`."""
        return AgnosticProcess(columns, x.shape[-1], Linear())


@processes.register("agnostic_nonlinear")
class AgnosticNonlinear(ProcessSpec):
    """A multi-layer perceptron from the whole row to the mask."""

    hidden: Widths = (128,)

    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """See `ProcessSpec.build`."""
        return AgnosticProcess(columns, x.shape[-1], MLP(hidden=self.hidden))
