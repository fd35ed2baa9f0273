"""How likely fitted models find rows: the ELBO (IWAE bound), in the units of the table."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from notmiwae.arrays import Floats
from notmiwae.estimators.mask_regression import MaskRegression
from notmiwae.model.bound import LogWeightTerms, iwae_bound
from notmiwae.model.noise import Generators
from notmiwae.model.not_miwae import NotMIWAE
from notmiwae.randomness import torch_seed
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import KnownCells, unseen

_CHUNK_VALUES = 1_000_000
"""Decoded values held at once."""


@torch.no_grad()
def row_bounds(
    members: Sequence[FittedModel],
    masks: Sequence[MaskRegression],
    rows: Floats,
    samples: int,
    seed: int,
    known: KnownCells | None = None,
) -> Floats:
    """Compute the ELBO of each row under the mixture of R members, `log 1/R Σ_r exp(ELBO_r)`, nats, `[N]`.

    ELBO_r, the IWAE bound, bounds `log p(x_o, s)` from below; of columns taken as missing at random the
    mask's share is a regression's. All rows meet the same noise, so that a row's bound doesn't depend on the
    rows beside it.

    Arguments:
        members: Models of the same table.
        masks: For each member, the law of the masks that it doesn't explain.
        rows: `[N, D]` in the table's own units, NaN where missing.
        samples: Number of importance samples L of a row and member.
        seed: Seed of all noise.
        known: Cells known to lie between two ends.
    """
    bounds = np.empty((len(members), len(rows)))
    size = max(1, _CHUNK_VALUES // (samples * rows.shape[1]))
    seen = ~unseen(rows, known)
    for m, member in enumerate(members):
        member = member if known is None else member.knowing(known.columns)
        x, s = (each.double() for each in member.scaling.tensors(rows))
        member.model.spec.observation.check(x, s, member.columns)
        ends = [] if known is None else [known.tensor(member.scaling)]
        # In double precision a product of matrices doesn't depend on how many rows there are, to ten digits.
        model = copy.deepcopy(member.model).double()
        own_seed = torch_seed(seed, "score", m)
        for first in range(0, len(rows), size):
            some = slice(first, first + size)
            own = [each[some] for each in (x, s, *ends)]
            bounds[m, some] = _each_row(model, own, samples, own_seed).numpy()
        bounds[m] += masks[m].log_prob(rows, known).sum(axis=1)
        # The density of a value in its own unit: that of the standardised one, divided by the scale.
        bounds[m] -= (seen * np.log(member.scaling.scale)).sum(axis=1)
    mixture: Floats = np.logaddexp.reduce(bounds, axis=0) - np.log(len(members))
    return mixture


def _each_row(model: NotMIWAE, rows: Sequence[Tensor], samples: int, seed: int) -> Tensor:
    """Compute the bound of each row as if it were alone, `[N]`."""
    x, s, *ends = (each[:, None] for each in rows)
    generators = Generators([torch.Generator().manual_seed(seed) for _ in x])
    by_row = torch.vmap(model, in_dims=(0, 0, None, None, *[0 for _ in ends]))
    terms = by_row(x, s, samples, generators, *ends)
    # Each `[N, L, 1]`; an ignorable process adds a plain zero, `[N]`.
    spread = LogWeightTerms(*(term.reshape(len(x), -1) for term in terms))
    return iwae_bound(spread.log_weights().T)
