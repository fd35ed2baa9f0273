"""Priors p(z) of the latent: the standard normal, or one that is learnt."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus
from typing_extensions import override

from notmiwae.model.distributions import HALF_LOG_TWO_PI, standard_normal_log_prob
from notmiwae.model.observation.observation_model import raw
from notmiwae.specs import Registry, Spec

_FLOOR = 0.05


class PriorSpec(Spec):
    """How a prior is built for a latent of some size."""

    def build(self, latent_size: int) -> nn.Module:
        """A module whose `forward(z)` of `[..., latent_size]` is `log p(z)`, `[...]`."""
        raise NotImplementedError


priors: Registry[PriorSpec] = Registry("prior", __name__)


@priors.register("standard_normal")
class StandardNormalSpec(PriorSpec):
    """`p(z) = N(z; 0, I)`."""

    @override
    def build(self, latent_size: int) -> nn.Module:
        return StandardNormalPrior()


class StandardNormalPrior(nn.Module):
    """See `StandardNormalSpec`."""

    def forward(self, z: Tensor) -> Tensor:
        """`log p(z)`."""
        return standard_normal_log_prob(z)


@priors.register("mixture")
class MixturePriorSpec(PriorSpec):
    """`p(z) = 1/C Σ_c N(z; m_c, diag t_c²)` with learnt m_c and t_c, for data that fall into groups.

    Together the components start as N(0, I), so that training starts close to the standard normal. This is
    the mixture that Tomczak & Welling (AISTATS 2018) compare their VampPrior with, whose components are tied
    to the encoder.

    Attributes:
        components: C.
    """

    components: Annotated[int, Field(ge=2)] = 10

    @override
    def build(self, latent_size: int) -> nn.Module:
        return MixtureOfGaussiansPrior(latent_size, self.components)


class MixtureOfGaussiansPrior(nn.Module):
    """See `MixturePriorSpec`."""

    def __init__(self, latent_size: int, components: int) -> None:
        super().__init__()
        # Means and scales whose mixture has the variance of the standard normal.
        self.means = nn.Parameter(math.sqrt(0.5) * torch.randn(components, latent_size))
        self.raw_scales = nn.Parameter(torch.full((components, latent_size), raw(math.sqrt(0.5), _FLOOR)))

    def forward(self, z: Tensor) -> Tensor:
        """`log p(z)`."""
        scales = _FLOOR + softplus(self.raw_scales)
        standardised = (z[..., None, :] - self.means) / scales
        log_density = -0.5 * standardised.square() - scales.log() - HALF_LOG_TWO_PI
        return log_density.sum(-1).logsumexp(-1) - math.log(len(self.means))
