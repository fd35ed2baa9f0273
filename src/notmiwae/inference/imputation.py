"""Imputation by self-normalised importance sampling with the model's own weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, PositiveInt

from notmiwae.inference.fitted import FittedModel
from notmiwae.parallel import Report, silent
from notmiwae.params import Spec
from notmiwae.randomness import torch_seed

Floats = npt.NDArray[np.float64]

_CHUNK_VALUES = 1_000_000
"""Decoded values held at once: some 4 MB for each of the few tensors of that size, what a cache holds."""


class ImputationSpec(Spec):
    """How a fitted model imputes.

    Attributes:
        samples: L, importance samples a row.
        draws: Multiple imputations drawn beside the mean.
    """

    samples: PositiveInt = 1000
    draws: Annotated[int, Field(ge=0)] = 20


@dataclass(frozen=True)
class Imputation:
    """A completed table and its draws.

    Attributes:
        mean: `E[x_m | x_o, s]` in the missing cells, the observed values elsewhere, `[N, D]`.
        draws: Completed tables drawn from p(x_m | x_o, s), `[M, N, D]`.
        effective_samples: `1 / Σ_k α_k²` of each row's normalised weights, `[N]`: how many of the L count.
    """

    mean: Floats
    draws: Floats
    effective_samples: Floats


@torch.no_grad()
def impute(
    fitted: FittedModel, table: Floats, imputation: ImputationSpec, seed: int, report: Report = silent
) -> Imputation:
    """Impute the missing values of a table.

    With `α_k = w_k / Σ w` the mean is `Σ_k α_k E[x_m | z_k, s]` (METHOD.md §2), and a draw is
    x_m ~ p(x_m | z_k, s) at a k drawn with probabilities α (sampling importance resampling).

    Arguments:
        fitted: The model; its weights include p(s | x) if it has a missing process.
        table: `[N, D]`, NaN where missing, columns as in training.
        imputation: Numbers of samples and draws.
        seed: Of everything random here.
        report: Called with rows done, rows, mean effective sample size.
    """
    generator = torch.Generator().manual_seed(seed)
    x, s = fitted.scaling.tensors(table)
    fitted.model.spec.observation.check(x, s, fitted.columns)
    mean = np.array(table, dtype=np.float64)
    draws = np.repeat(mean[None], imputation.draws, axis=0)
    effective = np.full(len(table), float(imputation.samples))
    incomplete = np.flatnonzero(np.isnan(table).any(axis=1))
    size = max(1, _CHUNK_VALUES // (imputation.samples * table.shape[1]))
    for first in range(0, len(incomplete), size):
        rows = incomplete[first : first + size]
        drawn = fitted.model.importance_samples(x[rows], s[rows], imputation.samples, generator)
        alpha = drawn.log_weights.softmax(0)
        effective[rows] = (1.0 / alpha.square().sum(0)).double().numpy()
        missing = np.isnan(table[rows])
        mean[rows] = np.where(missing, fitted.scaling.undo(drawn.missing.average(alpha)), mean[rows])
        if imputation.draws:
            chosen = torch.multinomial(alpha.T, imputation.draws, replacement=True, generator=generator).T
            values = drawn.missing.sample(chosen, generator)
            draws[:, rows] = np.where(missing, fitted.scaling.undo(values), draws[:, rows])
        report(first + len(rows), len(incomplete), float(effective[rows].mean()))
    return Imputation(mean, draws, effective)


def impute_together(
    members: Sequence[FittedModel],
    table: Floats,
    imputation: ImputationSpec,
    seed: int,
    report: Report = silent,
) -> Imputation:
    """Impute by an equal mixture of models: the mean of their means, and an equal share of draws from each.

    Arguments:
        members: Models of the same table, at least one.
        table: See `impute`.
        imputation: See `impute`; its draws are of all members together.
        seed: Of everything random here.
        report: See `impute`.
    """
    parts = []
    draws = np.empty((imputation.draws, *table.shape))
    for number, member in enumerate(members):
        # The members take turns, so that the first few draws are the mixture's too.
        turns = slice(number, None, len(members))
        own = imputation.model_copy(update={"draws": len(draws[turns])})
        parts.append(impute(member, table, own, torch_seed(seed, "member", number), report))
        draws[turns] = parts[-1].draws
    mean = np.mean([part.mean for part in parts], axis=0)
    return Imputation(
        # Not the mean of an observed value with itself, which rounds.
        np.where(np.isnan(table), mean, table),
        draws,
        np.mean([part.effective_samples for part in parts], axis=0),
    )
