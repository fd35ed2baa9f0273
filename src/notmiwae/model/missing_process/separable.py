"""Separable missing processes, `p(s | x) = Π_j p(s_j | x_j)`, integrated over the missing values.

With independent features given z the integral over x_m is a product of integrals over one value each,
`p(s_j = 0 | z) = ∫ p(s_j = 0 | x_j) p(x_j | z) dx_j` (docs/method.md, "Exact marginals"). Here each is a sum
over the codes of a column, or a quadrature; `edges.py` and `truncated_gaussian.py` have closed forms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Tensor
from typing_extensions import override

from notmiwae.model.distributions import Likelihood, summed, weighted_sum
from notmiwae.model.missing_process.agnostic import SampledMissing, complete
from notmiwae.model.missing_process.ignorable import Unconditioned
from notmiwae.model.missing_process.missing_process import (
    Conditional,
    Missing,
    MissingProcess,
    average_beside,
)
from notmiwae.model.noise import uniform
from notmiwae.model.shapes import Shape

Marginal = Literal["exact", "sampled"]
ImputedMean = Literal["truncated", "decoder"]


class Tabulated(Conditional):
    """`x_j | z, s_j = 0` on the nodes of p(x_j | z), exact for codes.

    Arguments:
        px: Law of the columns with a process given z, `[K, B, C]`.
        log_missing: Function `log p(s_j = 0 | x_j)`, elementwise.
        count: Number of nodes of a quadrature, T.
    """

    log_prob: Tensor

    def __init__(self, px: Likelihood, log_missing: Callable[[Tensor], Tensor], count: int) -> None:
        self.px, self.nodes = px, px.nodes(count)
        self.log_shares = self.nodes.log_weights + log_missing(self.nodes.values)
        self.log_prob = self.log_shares.logsumexp(0)

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        if shape is not None and shape.shaped.any():
            return weighted_sum(alpha, summed(shape.inverse, self.nodes.values, self.log_shares.softmax(0)))
        shares = alpha[..., None] * self.log_shares.softmax(0)
        return self.px.estimate(self.nodes.values.expand_as(shares).flatten(0, 1), shares.flatten(0, 1))

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        shares = self.log_shares.double().softmax(0).cumsum(0)[:-1]
        return self.nodes.at((uniform(shares[0], generator) > shares).sum(0), generator)


class UnconditionedColumns(Unconditioned, Conditional):
    """Columns in which being missing says nothing of the value."""

    @override
    def sample(self, generator: torch.Generator) -> Tensor:
        return self.px.sample(generator)


@dataclass(frozen=True)
class SeparableMissing(Missing):
    """Missing values under a separable process.

    Attributes:
        px: Law of complete rows given z, p(x | z), `[K, B, D]`.
        columns: Indices of the features with a process, `[C]`; those without are ignorable.
        condition: Function from p(x | z) of the features with a process at chosen samples, and the samples'
            numbers `[M, B]`, to their `Conditional`.
        given: Law of the features with a process given z and being missing, `[K, B, C]`.
        observed: `log p(s_j = 1 | x_j)` of the observed values, 0 of the missing ones, `[..., B, C]`.
        s: Mask of the features with a process, `[B, C]`.
        decoder_mean: Whether to impute with the mean of p(x_m | z), as if the mask said nothing of x_m.
    """

    px: Likelihood
    columns: Tensor
    condition: Callable[[Likelihood, Tensor], Conditional]
    given: Conditional
    observed: Tensor
    s: Tensor
    decoder_mean: bool = False

    @cached_property
    @override
    def log_prob(self) -> Tensor:
        """`log p(s | x_o, z)`, `[K, B]`."""
        return self.observed.sum(-1) + (self.given.log_prob * (1.0 - self.s)).sum(-1)

    @override
    def by_feature(self) -> Tensor:
        by_column = self.observed + self.given.log_prob * (1.0 - self.s)
        shape = self.px.mean.shape
        by_column = by_column.expand(*shape[:-1], len(self.columns))
        return by_column.new_zeros(shape).index_copy(-1, self.columns, by_column)

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        if self.decoder_mean:
            return self.px.average(alpha, shape)
        average = average_beside(self.px, self.columns, alpha, shape)
        own = None if shape is None else shape.columns(self.columns)
        return average.index_copy(-1, self.columns, self.given.average(alpha, own))

    @override
    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        px = self.px.pick(chosen)
        draws = self.condition(px.columns(self.columns), chosen).sample(generator)
        return px.sample(generator).index_copy(-1, self.columns, draws)


class SeparableProcess(MissingProcess):
    """Base of the separable processes: a subclass writes `log_missing`, and the rest follows.

    Codes are summed over exactly. Real values are integrated by the trapezoidal rule, good to six digits for
    a p(s_j = 0 | x_j) as smooth as a sigmoid with a slope of 5/σ_j, and to more for smoother ones; steeper
    ones need more `quadrature_nodes`, or a closed form. `log_missing` has to be finite. An example:

        >>> class Steps(SeparableProcess):
        ...     def __init__(self, columns):
        ...         super().__init__(columns)
        ...         self.edge = nn.Parameter(torch.zeros(len(columns)))
        ...
        ...     def log_missing(self, x):
        ...         return logsigmoid(3.0 * (x - self.edge))
        >>> @processes.register("steps")
        ... class StepsSpec(ProcessSpec):
        ...     def build(self, columns, x, s, features=None):
        ...         return Steps(columns)
        >>> x = torch.tensor([[0.0, 2.0]])
        >>> process = processes.parse({"kind": "steps"}).build(torch.tensor([0]), x, torch.ones_like(x))
        >>> process.missing_probability(x)
        tensor([[0.5000, 0.0000]], grad_fn=<IndexCopyBackward0>)

    `log_observed` has a default that loses digits where p(s_j = 1 | x_j) is small; override it where it
    has a form of its own, here `logsigmoid(−3 (x − edge))`.

    Arguments:
        columns: Indices of the features that can be missing, `[C]`.
        marginal: How x_m is integrated over: `exact`, or `sampled`, x_m ~ p(x_m | z), reparameterised, as in
            Ipsen et al. 2021.
        imputed_mean: What is imputed: the mean of p(x_m | z, s) (`truncated`), or that of p(x_m | z)
            (`decoder`) under the same weights, as if being missing said nothing of a value once z is known.
    """

    quadrature_nodes: ClassVar[int] = 65
    _DRAW_NODES: ClassVar[int] = 257  # a draw's law is linear between nodes: they have to be closer

    def __init__(
        self, columns: Tensor, marginal: Marginal = "exact", imputed_mean: ImputedMean = "truncated"
    ) -> None:
        super().__init__(columns)
        self.marginal = marginal
        self.decoder_mean = imputed_mean == "decoder"

    def log_missing(self, x: Tensor) -> Tensor:
        """Compute `log p(s_j = 0 | x_j)` of each value, `[..., C]`, of the features with a process."""
        raise NotImplementedError

    def log_observed(self, x: Tensor) -> Tensor:
        """Compute `log p(s_j = 1 | x_j)` of each value, `[..., C]`, of the features with a process."""
        return torch.log(-torch.expm1(self.log_missing(x).clamp_max(-1e-7)))

    def conditional(self, px: Likelihood) -> Conditional:
        """Condition p(x | z) of the features with a process, `[K, B, C]`, on being missing."""
        return Tabulated(px, self.log_missing, self.quadrature_nodes)

    def drawing(self, px: Likelihood) -> Conditional:
        """Condition p(x | z) of the features with a process on being missing, to draw from."""
        return Tabulated(px, self.log_missing, max(self._DRAW_NODES, self.quadrature_nodes))

    @override
    def forward(
        self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator, w: Tensor | None = None
    ) -> Missing:
        """Condition the missing values on the mask; nothing is sampled unless the marginal is `sampled`."""
        s_j = s.index_select(-1, self.columns)
        if self.marginal == "sampled":
            values, score = complete(px, x, s, generator)
            x_j = values.index_select(-1, self.columns)
            log_prob = torch.where(s_j.bool(), self.log_observed(x_j), self.log_missing(x_j)).sum(-1)
            return SampledMissing(px, values, log_prob + score, self.decoder_mean)
        observed = torch.where(s_j.bool(), self.log_observed(x.index_select(-1, self.columns)), 0.0)
        given = self.conditional(px.columns(self.columns))

        def condition(own: Likelihood, chosen: Tensor) -> Conditional:
            return self.drawing(own)

        return SeparableMissing(px, self.columns, condition, given, observed, s_j, self.decoder_mean)

    @override
    def missing_probability(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        return self._scatter(self.log_missing(x.index_select(-1, self.columns)).exp(), x)
