"""The ELBO that training maximises: the importance-weighted (IWAE) bound of a row's log-likelihood."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class LogWeightTerms(NamedTuple):
    """The terms of `log w_k = log p(x_o|z_k) + log p(s|x) + log p(z_k) − log q(z_k|x_o)`.

    Attributes:
        px: Log-density of the observed values, `log p(x_o|z)`, `[K, B]` or broadcastable to it.
        ps: Log-probability of the mask, `log p(s|x)`, `[K, B]` or broadcastable to it.
        pz: Log-density of the latent under the prior, `log p(z)`, `[K, B]` or broadcastable to it.
        qz: Log-density of the latent under the encoder, `log q(z|x_o)`, `[K, B]` or broadcastable to it.
    """

    px: Tensor
    ps: Tensor
    pz: Tensor
    qz: Tensor

    def log_weights(self, ignorable: bool = False) -> Tensor:
        """Add up `log w_k`, `[K, B]`; where missingness is `ignorable`, MIWAE's, without p(s|x)."""
        joint = self.px + self.pz - self.qz
        return joint if ignorable else joint + self.ps

    def not_finite(self) -> list[str]:
        """Name the terms that hold a NaN or an infinity, as mathematics writes them."""
        names = ("log p(x_o|z)", "log p(s|x)", "log p(z)", "log q(z|x_o)")
        return [name for name, term in zip(names, self, strict=True) if not torch.isfinite(term).all()]


def iwae_bound(log_weights: Tensor) -> Tensor:
    """Compute the ELBO (IWAE bound) of each row, `L_K = log 1/K Σ_k w_k`, in nats, `[..., B]`.

    It's a lower bound of `log p(x_o, s)` in expectation, and tight as K grows (Burda et al., ICLR 2016; Ipsen
    et al., ICLR 2021, Eq. 7).

    Arguments:
        log_weights: Logarithms of the importance weights w_k, `[K, ..., B]`.
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))
