"""Missing processes p(s | x) that a model learns, and what they say of the values that are missing.

A missing process is a module. `forward(px, x, s, generator, w)` returns the values' `Missing` given z and the
mask: the log-probability of the mask, and the mean and draws of the missing values. A process in which a
value's own size decides integrates over the missing values exactly (`separable.py`); one of the whole row
samples them (`agnostic.py`). All of them: docs/method.md, "Missing processes".

Not to be mistaken for the mechanisms of simulations (`notmiwae.mechanisms`), which make values missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from notmiwae.errors import ParameterError
from notmiwae.model.distributions import Likelihood
from notmiwae.model.shapes import Shape
from notmiwae.specs import Registry, Spec


@dataclass(frozen=True)
class Features:
    """What a process with settings by column has to know of a table's D features.

    Attributes:
        names: Names of the features.
        codes: Number of codes of each feature that are names, not quantities; 0 where it holds quantities.
        gaps: Indices of the features that can be missing.
    """

    names: tuple[str, ...]
    codes: tuple[int, ...]
    gaps: tuple[int, ...]


class Missing(Protocol):
    """What the mask and z say of a row: p(s | x_o, z) and p(x_m | z, s), for K samples of z."""

    if TYPE_CHECKING:  # a dataclass would take a property for the default of its field

        @property
        def log_prob(self) -> Tensor:
            """`log p(s | x_o, z)`, or `log p(s | x_o, x_m)` at a sampled x_m, broadcastable to `[K, B]`."""

    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        """Impute under normalised importance weights α `[K, B]`, as `[B, D]`; of use where s = 0.

        It's `Σ_k α_k E[x_m | z_k, s]`, or for codes the mode of the mixture of the K.

        Arguments:
            alpha: Importance weights.
            shape: Maps by which features are as they are here; what is imputed is mapped back.
        """

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """Draw x_m | z_k, s for each chosen k, `[M, B]`, as `[M, B, D]`; of use where s = 0."""

    def by_feature(self) -> Tensor:
        """Split `log p(s | x_o, z)` by feature, `[K, B, D]`; 0 of one without a process.

        Raises:
            ParameterError: the process is of the whole row.
        """
        raise ParameterError(
            "a missing process of the whole row has no share of each column, as known limits and comparisons "
            "by column ask for; accepted: another than 'anything'"
        )


def average_beside(px: Likelihood, columns: Tensor, alpha: Tensor, shape: Shape | None) -> Tensor:
    """Impute as `px.average` does, `[B, D]`, where the features at `columns` are imputed otherwise.

    To map a mean back costs a quadrature, which is left out for these.
    """
    average = px.average(alpha)
    if shape is None:
        return average
    beside = torch.ones(average.shape[-1], dtype=torch.bool, device=columns.device)
    rest = beside.index_fill(0, columns, False).nonzero().flatten()
    return average.index_copy(-1, rest, px.columns(rest).average(alpha, shape.columns(rest)))


class Conditional(Protocol):
    """What z and being missing say of the values of the columns with a process: p(x_j | z, s_j = 0)."""

    if TYPE_CHECKING:  # a dataclass would take a property for the default of its field

        @property
        def log_prob(self) -> Tensor:
            """`log p(s_j = 0 | z)`, broadcastable to `[K, B, C]`."""

    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        """Impute under normalised importance weights α `[K, B]`, as `[B, C]`; see `Missing.average`."""

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw `x_j | z, s_j = 0` once for each sample of z, `[K, B, C]`."""


class MissingProcess(nn.Module):
    """Base of the missing processes.

    Arguments:
        columns: Indices of the features that can be missing, `[C]`; the others have no process, and a cell
            missing there all the same is taken as ignorable.
    """

    columns: Tensor
    latents: int = 0
    """Number of latents w of a row that enter p(s | ·) alone, G: standard normal, known to the encoder."""

    def __init__(self, columns: Tensor) -> None:
        super().__init__()
        self.register_buffer("columns", columns.long(), persistent=False)

    def forward(
        self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator, w: Tensor | None = None
    ) -> Missing:
        """Condition the missing values on the mask.

        Arguments:
            px: Law of complete rows given z, p(x | z), `[K, B, D]`.
            x: Values `[B, D]`, anything finite where missing.
            s: Mask `[B, D]`, 1 where observed.
            generator: Source of the noise of processes that sample x_m.
            w: Samples of the process's own latents, `[K, B, G]`; None where it has none.
        """
        raise NotImplementedError

    def missing_probability(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        """Compute `p(s_j = 0 | x)`, `[N, D]`, for complete rows `[N, D]`; zero without a process.

        Arguments:
            x: Complete rows.
            w: The rows' latents `[N, G]`, of a process that has any; None: the mean over them.
        """
        raise NotImplementedError

    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Give the lowest and highest values of parameters, by name, between which training keeps them."""
        return {}

    def log_prior(self, parameters: Mapping[str, Tensor]) -> Tensor | float:
        """Compute the logarithm of the prior of parameters, each `[..., shape]`, as `[...]`; usually none.

        Arguments:
            parameters: Parameters of the process by name, of models that are computed as one.
        """
        return 0.0

    def learnt(self) -> list[dict[str, Any]]:
        """Report what was learnt: a mapping for each column, with its index as `column`, as plain data.

        Numbers are in the units of the standardised features; a process without any gives an empty list.
        """
        return []

    def _scatter(self, values: Tensor, x: Tensor) -> Tensor:
        return torch.zeros_like(x).index_copy(-1, self.columns, values)


class ProcessSpec(Spec):
    """How a missing process is built for a table."""

    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        """Build a process over some features, with parameters as the observed values suggest.

        Shapes of parameters follow from `columns` and D alone, so that a saved process can be rebuilt
        without its table.

        Arguments:
            columns: Indices of the features that can be missing, `[C]`.
            x: Standardised rows `[N, D]`, zero where missing.
            s: Mask `[N, D]`, 1 where observed.
            features: What to know of all D features, for a process with settings by column.
        """
        raise NotImplementedError

    def starts(self) -> list[ProcessSpec]:
        """List the settings to train from, of which the highest held-out bound wins; usually one."""
        return [self]


processes: Registry[ProcessSpec] = Registry("missing process", __package__)
