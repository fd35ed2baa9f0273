"""The ELBO that is maximised, the importance-weighted (IWAE) bound of a row's log-likelihood."""

from __future__ import annotations

import math

from torch import Tensor


def log_weights(terms: dict[str, Tensor], ignorable: bool = False) -> Tensor:
    """`log w_k` from its terms; without p(s | x) where missingness is taken as `ignorable`."""
    log_px, log_ps, log_pz, log_qz = terms.values()
    joint = log_px + log_pz - log_qz
    return joint if ignorable else joint + log_ps


def bound(log_weights: Tensor) -> Tensor:
    """`L_K = log 1/K Σ_k w_k` of each row, `[B]`: a lower bound of log p(x_o, s), tight as K grows."""
    return log_weights.logsumexp(0) - math.log(len(log_weights))
