"""Soft-impute: a matrix completed at the least nuclear norm (Mazumder, Hastie & Tibshirani, JMLR 2010).

    minimise over Z   f(Z) = ½ Σ_{observed} (y_ij − z_ij)² + λ Σ_r d_r(Z),   d_r: singular values

Where Z is optimal, it's the soft-thresholded SVD of the matrix that it completes: `Z = S_λ(P(Y) + P⊥(Z))`,
`S_λ(U d Vᵀ) = U (d − λ)₊ Vᵀ`. Repeating that assignment is a proximal gradient step of size 1; here it's
accelerated by Nesterov's momentum, which restarts whenever it points uphill (O'Donoghue & Candès 2015).
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from notmiwae.arrays import Floats, Mask


def shrink(matrix: Floats, penalty: float) -> Floats:
    r"""Compute $S_\lambda(X) = U (d - \lambda)_+ V^\top$, the proximal map of λ times the nuclear norm.

    It's done by way of $X^\top X = V d^2 V^\top$, which is small where X, `[N, D]`, is tall.
    """
    squared, right = np.linalg.eigh(matrix.T @ matrix)
    singular = np.sqrt(squared.clip(min=0))
    positive = np.where(singular > 0, singular, 1.0)
    factor = np.where(singular > 0, 1 - penalty / positive, 0.0).clip(min=0)
    shrunk: Floats = (matrix @ right * factor) @ right.T
    return shrunk


def largest_penalty(matrix: Floats, observed: Mask) -> float:
    """Find the least λ at which Z = 0 is optimal: the largest singular value, zeros for what's missing."""
    return float(np.linalg.norm(np.where(observed, matrix, 0.0), 2))


def soft_impute(
    matrix: Floats,
    observed: Mask,
    penalty: float,
    start: Floats | None = None,
    tolerance: float = 1e-10,
    steps: int = 10_000,
) -> Floats:
    """Find the Z of least f(Z), `[N, D]`, f as the module says; warn if that takes more than `steps`.

    Arguments:
        matrix: Matrix Y to complete, `[N, D]`; anything where missing.
        observed: Mask of the observed cells, `[N, D]`.
        penalty: Penalty λ ≥ 0. At 0 any completion is optimal; from `start` it's the nearest.
        start: First Z; default 0.
        tolerance: Share of `‖Z‖²` by less than which the last step changes it.
        steps: Most steps.
    """
    known = np.where(observed, matrix, 0.0)
    current = np.zeros_like(known) if start is None else start
    ahead, momentum = current, 1.0
    for _ in range(steps):
        previous, current = current, shrink(np.where(observed, known, ahead), penalty)
        step = current - previous
        if (step**2).sum() <= tolerance * (previous**2).sum():
            break
        if ((ahead - current) * step).sum() > 0:
            ahead, momentum = current, 1.0
            continue
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead, momentum = current + (momentum - 1) / grown * step, grown
    else:
        warnings.warn(f"soft-impute: not converged in {steps} steps", ConvergenceWarning, stacklevel=2)
    return current


def soft_impute_path(
    matrix: Floats, observed: Mask, penalties: Floats, tolerance: float = 1e-10
) -> list[Floats]:
    """Run `soft_impute` at each of falling `penalties`, each started from the one before."""
    path: list[Floats] = []
    for penalty in penalties.tolist():
        path.append(soft_impute(matrix, observed, penalty, path[-1] if path else None, tolerance))
    return path
