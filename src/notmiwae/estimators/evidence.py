"""Evidence for an assumption: how well models foretell rows that they weren't trained on, gaps included.

Of R models each leaves a fold of the rows out, so that each row is foretold once. What is compared is the
bound of `log p(x_o, s)`: of columns whose gaps the model takes as missing at random it has no mask, which a
regression on what is seen stands in for (`mask_regression.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import softmax
from torch import Tensor

from notmiwae.arrays import Floats
from notmiwae.estimators.mask_regression import MaskRegression, chain
from notmiwae.model.bound import iwae_bound
from notmiwae.model.missing_process.by_column import ByColumnProcess
from notmiwae.model.missing_process.ignorable import IgnorableProcess
from notmiwae.model.missing_process.missing_process import MissingProcess
from notmiwae.model.not_miwae import ImportanceSamples
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import KnownCells, rows_of

_CHUNK_VALUES = 1_000_000
"""Decoded values held at once."""
_SAMPLES = 200
_REPLICATES = 1_000


def folds(rows: int, count: int, seed: int) -> list[Tensor]:
    """Deal rows into folds of equal size; where it must, the last one has some rows that others have."""
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    size = -(-rows // count)
    return [order[first : first + size] for first in (min(size * r, rows - size) for r in range(count))]


@dataclass(frozen=True)
class CrossValidated:
    """Models of a table that were trained without a fold of its rows each.

    Attributes:
        models: Model of each fold.
        left_out: Numbers of the rows of each fold.
        values: Table `[N, D]`, NaN where missing.
        known: Cells known to lie between two ends; here as in all that follows they are no gaps.
    """

    models: Sequence[FittedModel]
    left_out: Sequence[Tensor]
    values: Floats
    known: KnownCells | None = None

    def rows(self, seed: int) -> Floats:
        """Foretell each row, by the model that wasn't trained on it: its bound of `log p(x_o, s)`, `[N]`.

        It's in nats of standardised values.

        Arguments:
            seed: Seed of all noise; one for all assumptions, so that differences have less of it.
        """
        found: Floats = self._masks(masks_before(self._process, self._gaps, self.values.shape[1])).sum(axis=1)
        for model, fold in self._folds():
            found[fold] += bounds(model, self.values[fold], seed, known=rows_of(self.known, fold))
        return found

    def columns(self, seed: int, believed: Floats) -> Floats:
        """Foretell each column with gaps, `log p(x_j, s_j | the rest of the row)`, `[N, C]`.

        It's of s_j alone where x_j is missing.

        Arguments:
            seed: As of `rows`.
            believed: How far the process of each column is believed; see `foretold`.
        """
        found = np.empty((len(self.values), len(self._gaps)))
        for model, fold in self._folds():
            own = rows_of(self.known, fold)
            found[fold] = foretold(model, self.values[fold], self._gaps, seed, believed, known=own)
        at_random, size = unexplained(self._process), self.values.shape[1]
        others = [[each for each in range(size) if each != column] for column in at_random]
        found[:, [self._gaps.index(column) for column in at_random]] += self._masks(others)
        return found

    @property
    def _gaps(self) -> list[int]:
        return [int(each) for each in np.flatnonzero(np.isnan(self.values).any(axis=0))]

    @property
    def _process(self) -> MissingProcess:
        return self.models[0].model.missing_process

    def _folds(self) -> Iterator[tuple[FittedModel, npt.NDArray[np.int64]]]:
        return zip(self.models, (fold.numpy() for fold in self.left_out), strict=True)

    def _masks(self, explaining: Sequence[Sequence[int]]) -> Floats:
        """Foretell the masks that are taken as missing at random by what may explain each, `[N, C]`."""
        at_random, codes = unexplained(self._process), self.models[0].codes
        freedoms = MaskRegression.freedoms(self.values, at_random, explaining, codes, self.known)
        found = np.empty((len(self.values), len(at_random)))
        for _, fold in self._folds():
            rest = np.delete(np.arange(len(self.values)), fold)
            known = rows_of(self.known, rest)
            masks = MaskRegression.fit(self.values[rest], at_random, explaining, codes, freedoms, known)
            found[fold] = masks.log_prob(self.values[fold], rows_of(self.known, fold))
        return found


def pseudo_bma(log_probs: Floats, prior: Sequence[float], seed: int) -> Floats:
    """Weigh K candidates by what they made of N rows: `E_ω[softmax(log prior + N Σ_i ω_i ℓ_i)]`, `[K]`.

    It's pseudo-BMA with a Bayesian bootstrap, ω from a flat Dirichlet law (Yao, Vehtari, Simpson & Gelman,
    Bayesian Analysis 2018), and a prior.

    Arguments:
        log_probs: ℓ, the log-density of each row under each candidate, `[K, N]`.
        prior: Weights before any evidence.
        seed: Seed of the bootstrap.
    """
    rows = log_probs.shape[1]
    generator = np.random.default_rng(seed)
    scores = np.array(
        [rows * log_probs @ generator.dirichlet(np.ones(rows)) for _ in range(_REPLICATES)]
    ) + np.log(prior)
    weights: Floats = softmax(scores, axis=1).mean(axis=0)
    return weights


def unexplained(process: MissingProcess) -> list[int]:
    """List the columns with gaps of which a process has no model of the mask."""
    if isinstance(process, IgnorableProcess):
        return [int(column) for column in process.columns]
    parts = process.processes() if isinstance(process, ByColumnProcess) else []
    return sorted(column for part in parts for column in unexplained(part))


def masks_before(process: MissingProcess, gaps: Sequence[int], size: int) -> list[list[int]]:
    """Return what may explain the masks that a process doesn't: a chain that begins with those it does.

    Arguments:
        process: Missing process of a model.
        gaps: All columns with gaps.
        size: Number of columns of the table, D.
    """
    at_random = unexplained(process)
    explained = [column for column in gaps if column not in at_random]
    return chain([*explained, *at_random], size)[len(explained) :]


def masks_at_random(
    members: Sequence[FittedModel], values: Floats, known: KnownCells | None = None
) -> list[MaskRegression]:
    """Fit for each member the law of the masks that it takes as missing at random.

    Arguments:
        members: Models of a table.
        values: Table `[N, D]`, NaN where missing.
        known: Cells known to lie between two ends.
    """
    gaps = np.flatnonzero(np.isnan(values).any(axis=0)).tolist()
    found: dict[tuple[int, ...], MaskRegression] = {}
    masks = []
    for member in members:
        process = member.model.missing_process
        at_random = tuple(unexplained(process))
        if at_random not in found:
            before = masks_before(process, gaps, values.shape[1])
            found[at_random] = MaskRegression.fit(values, at_random, before, member.codes, known=known)
        masks.append(found[at_random])
    return masks


@torch.no_grad()
def bounds(
    fitted: FittedModel,
    values: Floats,
    seed: int,
    samples: int = _SAMPLES,
    known: KnownCells | None = None,
) -> Floats:
    """Compute the bound of `log p(x_o, s)` of each row, `[N]`, without masks that are taken as at random.

    Arguments:
        fitted: Model.
        values: Rows `[N, D]`, NaN where missing.
        seed: Seed of all noise.
        samples: Number of importance samples L.
        known: Cells known to lie between two ends.
    """
    found = np.empty(len(values))
    for some, drawn in _in_pieces(fitted, values, samples, seed, known):
        found[some] = iwae_bound(drawn.log_weights.expand(samples, -1)).numpy()
    return found


@torch.no_grad()
def foretold(
    fitted: FittedModel,
    values: Floats,
    columns: Sequence[int],
    seed: int,
    believed: Floats,
    samples: int = _SAMPLES,
    known: KnownCells | None = None,
) -> Floats:
    """Compute what a row foretells of some of its columns, `log p(x_j, s_j | the rest)`, `[N, C]`.

    With the weights `w_k` of L samples, and `w_k / f_jk` without column j, it's
    `log Σ_k w_k − log Σ_k w_k / f_jk`. In w_k the masks of the other columns count as far as their processes
    are believed, `p(s_c | ·)` to that power: else a column would be foretold by gaps that it brought about
    in others, and that would speak for its own process.

    Arguments:
        fitted: Model.
        values: Rows `[N, D]`, NaN where missing.
        columns: Columns that are foretold, all that have a mask.
        seed: Seed of all noise.
        believed: How far the process of each is believed, from 0 to 1, `[C]`.
        samples: Number of importance samples L.
        known: Cells known to lie between two ends.
    """
    by_column = np.empty((len(values), len(columns)))
    own = torch.tensor(list(columns))
    share = torch.tensor(believed, dtype=torch.get_default_dtype())
    for some, drawn in _in_pieces(fitted, values, samples, seed, known):
        log_weights = drawn.log_weights.expand(samples, -1)
        masks = drawn.missing.by_feature().expand(*log_weights.shape, -1)[..., own]
        doubted = log_weights - (masks * (1.0 - share)).sum(dim=-1)
        for place, column in enumerate(columns):
            others = doubted - share[place] * masks[..., place]
            whole = (others + masks[..., place]).logsumexp(0)
            without = (others - drawn.own_log_prob(column)).logsumexp(0)
            by_column[some, place] = (whole - without).numpy()
    return by_column


@torch.no_grad()
def expected(
    fitted: FittedModel,
    values: Floats,
    columns: Sequence[int],
    seed: int,
    samples: int = _SAMPLES,
    known: KnownCells | None = None,
) -> Floats:
    """Compute what the rest of a row lets expect of some of its columns, `E[x_j | the rest]`, `[N, C]`.

    Neither the value nor whether it's seen plays a part. Arguments as of `foretold`.
    """
    means = np.empty((len(values), len(columns)))
    for some, drawn in _in_pieces(fitted, values, samples, seed, known):
        for place, column in enumerate(columns):
            alpha = _without(drawn, column).softmax(0)
            means[some, place] = drawn.expected(column, alpha).numpy()
    return means * fitted.scaling.scale[list(columns)] + fitted.scaling.mean[list(columns)]


def _in_pieces(
    fitted: FittedModel, values: Floats, samples: int, seed: int, known: KnownCells | None
) -> Iterator[tuple[slice, ImportanceSamples]]:
    """Draw importance samples of some rows at a time; yield which, and the samples."""
    x, s = fitted.scaling.tensors(values)
    if known is not None:
        fitted = fitted.knowing(known.columns)
    ends = None if known is None else known.tensor(fitted.scaling)
    generator = torch.Generator().manual_seed(seed)
    size = max(1, _CHUNK_VALUES // (samples * values.shape[1]))
    for first in range(0, len(values), size):
        some = slice(first, first + size)
        own = None if ends is None else ends[some]
        yield some, fitted.model.importance_samples(x[some], s[some], samples, generator, own)


def _without(drawn: ImportanceSamples, column: int) -> Tensor:
    """Return the log-weights without a column's factor, `log w_k / f_jk`, `[K, B]`.

    f_jk is `p(x_j | z_k) p(s_j = 1 | x_j)`, or `p(s_j = 0 | z_k)` where the value is missing.
    """
    return drawn.log_weights - drawn.own_log_prob(column) - drawn.missing.by_feature()[..., column]
