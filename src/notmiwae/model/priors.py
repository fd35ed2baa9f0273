"""Priors p(z) of the latent: the standard normal, or one that is learnt."""

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
    """How a prior is built for a latent of H dimensions."""

    def build(self, latent_size: int) -> nn.Module:
        """Build a module whose `forward(z)` of latents `[..., H]` is `log p(z)`, `[...]`."""
        raise NotImplementedError


priors: Registry[PriorSpec] = Registry("prior", __name__)


@priors.register("standard_normal")
class StandardNormalSpec(PriorSpec):
    """`p(z) = N(z; 0, I)`."""

    @override
    def build(self, latent_size: int) -> nn.Module:
        return StandardNormalPrior()


class StandardNormalPrior(nn.Module):
    """The standard normal prior: nothing of it is learnt."""

    def forward(self, z: Tensor) -> Tensor:
        """Compute `log p(z)`, `[...]`, for latents `[..., H]`."""
        return standard_normal_log_prob(z)


@priors.register("mixture")
class MixturePriorSpec(PriorSpec):
    """`p(z) = 1/G Σ_g N(z; m_g, diag t_g²)` with learnt m_g and t_g, for data that fall into groups.

    Together the components are close to N(0, I) at first, so that training begins near the standard normal.
    This is the mixture that Tomczak & Welling (AISTATS 2018) compare their VampPrior with, whose components
    are tied to the encoder.

    Attributes:
        components: Number of components, G.
    """

    components: Annotated[int, Field(ge=2)] = 10

    @override
    def build(self, latent_size: int) -> nn.Module:
        return MixtureOfGaussiansPrior(latent_size, self.components)


class MixtureOfGaussiansPrior(nn.Module):
    """A mixture of Gaussians with learnt means m_g and scales t_g, each `[G, H]`."""

    def __init__(self, latent_size: int, components: int) -> None:
        super().__init__()
        # Means and scales whose mixture has the variance of the standard normal.
        self.means = nn.Parameter(math.sqrt(0.5) * torch.randn(components, latent_size))
        self.raw_scales = nn.Parameter(torch.full((components, latent_size), raw(math.sqrt(0.5), _FLOOR)))

    def forward(self, z: Tensor) -> Tensor:
        """Compute `log p(z)`, `[...]`, for latents `[..., H]`."""
        scales = _FLOOR + softplus(self.raw_scales)
        standardised = (z[..., None, :] - self.means) / scales
        log_density = -0.5 * standardised.square() - scales.log() - HALF_LOG_TWO_PI
        return log_density.sum(-1).logsumexp(-1) - math.log(len(self.means))
