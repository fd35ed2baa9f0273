"""Imputation by self-normalised importance sampling with the model's own weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pandas.util import hash_array, hash_pandas_object

from notmiwae.arrays import Floats
from notmiwae.model.noise import RowGenerators
from notmiwae.progress import Report, silent
from notmiwae.randomness import torch_seed
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import KnownCells, rows_of, unseen
from notmiwae.training.recipe import ImputationSpec

BLOCK = 1024
"""Rows whose draws have noise of their own: blocks can be imputed anywhere, in any order."""
_CHUNK_VALUES = 1_000_000
"""Decoded values held at once: some 4 MB for each of the few tensors of that size, what a cache holds."""


@dataclass(frozen=True)
class Imputation:
    """A completed table and its draws.

    Attributes:
        mean: Expectation `E[x_m | x_o, s]` in the missing cells, observed values elsewhere, `[N, D]`.
        draws: Completed tables drawn from p(x_m | x_o, s), `[M, N, D]`.
        samples: Number of importance samples L of each row, `[N]`; 0 where nothing is missing.
        effective_samples: Number of the L samples that count, `1 / Σ_k α_k²` of each row's normalised
            weights, `[N]`; 0 where nothing is missing.
    """

    mean: Floats
    draws: Floats
    samples: Floats
    effective_samples: Floats


def impute(
    fitted: FittedModel,
    table: Floats,
    imputation: ImputationSpec,
    seed: int,
    known: KnownCells | None = None,
    block: int = 0,
) -> Imputation:
    """Impute the missing values of a table, or of a block of it.

    With `α_k = w_k / Σ w` the mean is `Σ_k α_k E[x_m | z_k, s]` (docs/method.md, "Imputation"), and a draw is
    x_m ~ p(x_m | z_k, s) at a k drawn with probabilities α (sampling importance resampling).

    A row's importance samples go by what it holds, so that its mean is the same in every table. Rows that
    hold the same have one mean, and draws from importance samples of their own.

    Arguments:
        fitted: Model to impute by; its weights include p(s | x) if it has a missing process.
        table: Table `[N, D]`, NaN where missing, columns as in training.
        imputation: Numbers of samples and draws.
        seed: Seed of all noise of the imputation.
        known: Cells known to lie between two ends, which are imputed too.
        block: Number of the block, by which the noise of draws goes.
    """
    fitted = fitted if known is None else fitted.knowing(known.columns)
    model, device = fitted.model, next(fitted.model.parameters()).device
    # Draws have noise of their own, so that the mean doesn't depend on how many are asked for.
    draws_generator = torch.Generator().manual_seed(torch_seed(seed, "draws", block))
    x, s = fitted.scaling.tensors(table)
    ends = None if known is None else known.tensor(fitted.scaling)
    model.spec.observation.check(x, s, fitted.columns)
    mean = np.array(table, dtype=np.float64)
    draws = np.repeat(mean[None], imputation.draws, axis=0)
    samples, effective = np.zeros(len(table)), np.zeros(len(table))
    all_missing = unseen(table, known)
    seeds, first_alike = _row_seeds(table, known, seed)
    left = np.flatnonzero(all_missing.any(axis=1))
    for tried in imputation.tries():
        size = max(1, _CHUNK_VALUES // (tried * table.shape[1]))
        for first in range(0, len(left), size):
            rows = left[first : first + size]
            # A row that's tried again is overwritten.
            missing = all_missing[rows]
            own_ends = None if ends is None else ends[rows].to(device)
            with torch.no_grad():
                generators = RowGenerators(seeds[rows].tolist())
                drawn = model.importance_samples(
                    x[rows].to(device), s[rows].to(device), tried, generators, own_ends
                )
                alpha = drawn.log_weights.softmax(0)
                means = fitted.scaling.undo(drawn.average(alpha))
                mean[rows] = np.where(missing, means, mean[rows])
                if imputation.draws:
                    chosen = torch.multinomial(
                        alpha.T.cpu(), imputation.draws, replacement=True, generator=draws_generator
                    ).T.to(device)
                    values = fitted.scaling.undo(drawn.sample(chosen, draws_generator))
                    draws[:, rows] = np.where(missing, values, draws[:, rows])
            samples[rows] = tried
            effective[rows] = (1.0 / alpha.square().sum(0)).double().cpu().numpy()
        left = left[effective[left] < (imputation.enough or 0)]
    mean = np.where(all_missing, mean[first_alike], mean)
    samples, effective = samples[first_alike], effective[first_alike]
    if known is not None:
        # Single precision may put a value beyond an end by its last digit.
        mean, draws = known.clip(mean), known.clip(draws)
    return Imputation(mean, draws, samples, effective)


def _row_seeds(
    table: Floats, known: KnownCells | None, seed: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.intp]]:
    """Make the seed of each row's noise from what it holds, `[N]`, and tell which row is the first like it.

    Of rows that hold the same, the first one has the seed that it would have alone, each further one another.
    """
    _, first, which = np.unique(_contents(table, known, np.float64), return_index=True, return_inverse=True)
    again = pd.Series(which).groupby(which).cumcount().to_numpy(dtype=np.uint64)
    # A table of single precision meets the same noise.
    keys = hash_array(_contents(table, known, np.float32) + np.uint64(seed))
    seeds: npt.NDArray[np.uint64] = hash_array(keys + again)
    return seeds >> np.uint64(1), first[which]


def _contents(
    table: Floats, known: KnownCells | None, precision: type[np.floating]
) -> npt.NDArray[np.uint64]:
    """Hash what each row holds, at a precision."""

    def hashes(values: Floats) -> npt.NDArray[np.uint64]:
        with np.errstate(over="ignore"):
            # Of the two zeros, and of the many NaN, one.
            rows = np.where(np.isnan(values), np.nan, values + 0.0).astype(precision)
        return np.asarray(hash_pandas_object(pd.DataFrame(rows), index=False), dtype=np.uint64)

    if known is None:
        return hashes(table)
    ends = known.ends.reshape(len(table), -1)
    # Where nothing is known, a row is as it would be in a table of plain gaps.
    return hashes(table) + np.where(np.isfinite(ends).any(axis=1), hashes(ends), np.uint64(0))


def impute_together(
    members: Sequence[FittedModel],
    table: Floats,
    imputation: ImputationSpec,
    seed: int,
    report: Report = silent,
    first: int = 0,
    device: str = "cpu",
    known: KnownCells | None = None,
) -> Imputation:
    """Impute by an equal mixture of models: the mean of their means, and an equal share of draws from each.

    Codes that are names have no mean: there it's the code that most models impute.

    Rows are imputed in blocks, whose draws have noise of their own; so a table may be imputed piece by piece,
    and peak memory is a block's beside the table and its draws.

    Arguments:
        members: Models of the same table, at least one.
        table: Table `[N, D]`, NaN where missing, columns as in training.
        imputation: Numbers of samples of each member, and of draws of all members together.
        seed: Seed of all noise of the imputation.
        report: Function called with rows done, rows, mean effective sample size.
        first: Number of the table's first row where the table is a piece of a larger one; a multiple of
            `BLOCK`.
        device: Device that computes, `cpu` or `cuda`.
        known: Cells known to lie between two ends, which are imputed too.
    """
    if known is not None:
        members = [member.knowing(known.columns) for member in members]
    if device != "cpu":
        members = [member.on(device) for member in members]
    draws = np.empty((imputation.draws, *table.shape))
    mean, samples, effective = np.empty(table.shape), np.empty(len(table)), np.empty(len(table))
    for start in range(0, len(table), BLOCK):
        rows = slice(start, start + BLOCK)
        number = (first + start) // BLOCK
        block = _impute_block(members, table[rows], imputation, seed, rows_of(known, rows), number)
        mean[rows], draws[:, rows] = block.mean, block.draws
        samples[rows], effective[rows] = block.samples, block.effective_samples
        report(min(start + BLOCK, len(table)), len(table), float(block.effective_samples.mean()))
    return Imputation(mean, draws, samples, effective)


def _impute_block(
    members: Sequence[FittedModel],
    table: Floats,
    imputation: ImputationSpec,
    seed: int,
    known: KnownCells | None,
    block: int,
) -> Imputation:
    by_member = []
    draws = np.empty((imputation.draws, *table.shape))
    for number, member in enumerate(members):
        # The members take turns, so that the first few draws are the mixture's too.
        turns = slice(number, None, len(members))
        share = imputation.model_copy(update={"draws": len(draws[turns])})
        by_member.append(impute(member, table, share, torch_seed(seed, "member", number), known, block))
        draws[turns] = by_member[-1].draws
    means = np.stack([imputed.mean for imputed in by_member])
    mean = means.mean(axis=0)
    names = np.flatnonzero(members[0].model.spec.observation.codes(table.shape[1]))
    mean[:, names] = _majority(means[:, :, names])
    return Imputation(
        # Not the mean of an observed value with itself, which rounds.
        np.where(unseen(table, known), mean, table),
        draws,
        np.mean([imputed.samples for imputed in by_member], axis=0),
        np.mean([imputed.effective_samples for imputed in by_member], axis=0),
    )


def _majority(codes: Floats) -> Floats:
    """Find the code that most of R members impute, `[N, C]` from `[R, N, C]`; the first one's in a tie."""
    values = np.unique(codes[~np.isnan(codes)])
    votes = [(codes == value).sum(axis=0) + 0.5 * (codes[0] == value) for value in values]
    chosen: Floats = values[np.argmax(votes, axis=0)] if len(values) else codes[0]
    return chosen
