"""Missing processes of the whole row; the missing values are sampled."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from typing_extensions import override

from notmiwae.model.distributions import Likelihood, pick
from notmiwae.model.missing_process.missing_process import (
    Features,
    Missing,
    MissingProcess,
    ProcessSpec,
    processes,
)
from notmiwae.model.networks import LinearSpec, MLPSpec, NetworkSpec, Widths
from notmiwae.model.shapes import Shape


@dataclass(frozen=True)
class SampledMissing(Missing):
    """Missing values x_m as sampled, reparameterised.

    Attributes:
        px: Law of complete rows given z, p(x | z), `[K, B, D]`.
        values: Rows completed by x_m ~ p(x_m | z), `[K, B, D]`.
        log_prob: Log-probability of the mask at the sampled values, `log p(s | x_o, x_m)`, `[K, B]`.
        decoder_mean: Whether to impute with the mean of p(x_m | z), as if the mask said nothing of x_m.
    """

    px: Likelihood
    values: Tensor
    log_prob: Tensor
    decoder_mean: bool = False

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        if self.decoder_mean:
            return self.px.average(alpha, shape)
        values = self.values if shape is None else shape.inverse(self.values)
        return self.px.estimate(values, alpha[..., None])

    @override
    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        # The sample itself: the importance weights were computed at it.
        return pick(self.values, chosen)


def complete(
    px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor | float]:
    """Complete rows by x_m ~ p(x_m | z), `[K, B, D]`, beside a summand of the log-weights that is zero.

    Gradients flow through the values where p(x | z) can be reparameterised. Codes can't: there the summand
    `log p(x_m | z) − [the same, detached]` holds the gradient in the decoder's parameters that the weight
    `p(s | x_o, x_m) p(x_m | z) / q(x_m)` has with p(x_m | z) itself as a proposal q that is held fixed.
    """
    values = torch.where(s.bool(), x, px.sample(generator))
    score = px.score(values, 1.0 - s)
    return values, score - score.detach() if isinstance(score, Tensor) else score


class RowProcess(MissingProcess):
    """Base of the processes `p(s_j = 0 | x) = sigmoid(f_j(x))` of the whole row; a subclass writes `logits`.

    They aren't separable, so x_m is sampled from p(x_m | z). An example, in which a row is the likelier to
    have missing cells the larger the sum of its values:

        >>> class SumProcess(RowProcess):
        ...     def __init__(self, columns):
        ...         super().__init__(columns)
        ...         self.slope = nn.Parameter(torch.ones(()))
        ...
        ...     def logits(self, x):
        ...         return (self.slope * x.sum(-1, keepdim=True)).expand(*x.shape[:-1], len(self.columns))
        >>> @processes.register("sum")
        ... class Sum(ProcessSpec):
        ...     def build(self, columns, x, s, features=None):
        ...         return SumProcess(columns)
        >>> x = torch.tensor([[1.0, 2.0, -3.0]])
        >>> process = processes.parse({"kind": "sum"}).build(torch.tensor([0, 2]), x, torch.ones_like(x))
        >>> process.missing_probability(x)
        tensor([[0.5000, 0.0000, 0.5000]], grad_fn=<IndexCopyBackward0>)
    """

    def logits(self, x: Tensor) -> Tensor:
        """Compute f_j(x) of the features with a process, `[..., C]`, for complete rows `[..., D]`."""
        raise NotImplementedError

    @override
    def forward(
        self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator, w: Tensor | None = None
    ) -> Missing:
        values, score = complete(px, x, s, generator)
        sign = 1.0 - 2.0 * s.index_select(-1, self.columns)
        log_prob = logsigmoid(sign * self.logits(values)).sum(-1)
        return SampledMissing(px, values, log_prob + score)

    @override
    def missing_probability(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        return self._scatter(torch.sigmoid(self.logits(x)), x)


class AgnosticProcess(RowProcess):
    """A process in which f is a network of the whole row (Ipsen et al. 2021, §4.2).

    Arguments:
        columns: Indices of the features that can be missing, `[C]`.
        features: Number of features, D.
        network: Network from rows of D values to C logits.
    """

    def __init__(self, columns: Tensor, features: int, network: NetworkSpec) -> None:
        super().__init__(columns)
        self.network = network.build(features, len(columns))

    @override
    def logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits


@processes.register("agnostic_linear")
class AgnosticLinearSpec(ProcessSpec):
    """Logistic regression of the mask on the whole row."""

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        return AgnosticProcess(columns, x.shape[-1], LinearSpec())


@processes.register("agnostic_nonlinear")
class AgnosticNonlinearSpec(ProcessSpec):
    """A multi-layer perceptron from the whole row to the mask.

    Attributes:
        hidden: Widths of the hidden layers.
    """

    hidden: Widths = (128,)

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        return AgnosticProcess(columns, x.shape[-1], MLPSpec(hidden=self.hidden))
