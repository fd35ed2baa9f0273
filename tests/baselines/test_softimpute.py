"""Soft-impute: the optimum is an optimum, low-rank matrices come back, and the penalty's two limits."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from notmiwae.randomness import generator
from study.baselines.soft_impute import largest_penalty, shrink, soft_impute, soft_impute_path


def problem(rows=40, columns=6, rank=2, noise=0.3, missing=0.3, seed=0):
    draw = generator(seed, "soft-impute")
    matrix = draw.normal(size=(rows, rank)) @ draw.normal(size=(rank, columns))
    return matrix + noise * draw.normal(size=matrix.shape), draw.random(matrix.shape) > missing


def objective(z, matrix, observed, penalty):
    fit = 0.5 * np.square((matrix - z)[observed]).sum()
    return fit + penalty * np.linalg.svd(z, compute_uv=False).sum()


@pytest.mark.parametrize("shape", [(40, 6), (6, 40), (5, 5)])
@pytest.mark.parametrize("penalty", [0.0, 2.0, 100.0])
def test_shrinking_lowers_each_singular_value_by_the_penalty_and_none_below_0(shape, penalty):
    matrix = generator(0).normal(size=shape)
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    assert shrink(matrix, penalty) == pytest.approx(
        left * (singular - penalty).clip(min=0) @ right, abs=1e-10
    )


@pytest.mark.parametrize("share", [0.9, 0.3, 0.05, 0.01])
@pytest.mark.parametrize("shape", [{}, {"rows": 6, "columns": 40}])
def test_the_residual_is_a_subgradient_of_the_nuclear_norm(share, shape):
    """`P(Y − Z) = λ (U Vᵀ + W)`, W orthogonal to Z's row and column spaces, ‖W‖₂ ≤ 1."""
    matrix, observed = problem(**shape)
    penalty = share * largest_penalty(matrix, observed)
    z = soft_impute(matrix, observed, penalty, tolerance=1e-16)
    left, singular, right = np.linalg.svd(z, full_matrices=False)
    kept = singular > 1e-6 * singular[0]
    left, right = left[:, kept], right[kept]
    rest = np.where(observed, matrix - z, 0.0) / penalty - left @ right
    assert left.T @ rest == pytest.approx(0, abs=1e-4)
    assert rest @ right.T == pytest.approx(0, abs=1e-4)
    assert np.linalg.norm(rest, 2) < 1 + 1e-4


def test_no_matrix_nearby_is_better_and_where_it_starts_does_not_matter():
    matrix, observed = problem()
    z = soft_impute(matrix, observed, 1.5, tolerance=1e-16)
    least = objective(z, matrix, observed, 1.5)
    draw = generator(1)
    for size in (1e-3, 0.1, 1.0):
        for _ in range(20):
            other = z + size * draw.normal(size=z.shape)
            assert objective(other, matrix, observed, 1.5) > least
    far = soft_impute(matrix, observed, 1.5, 10 * draw.normal(size=z.shape), tolerance=1e-16)
    assert far == pytest.approx(z, abs=1e-5)


def test_a_low_rank_matrix_comes_back_from_some_of_its_cells():
    matrix, observed = problem(rows=200, columns=20, noise=0.0)
    penalties = np.geomspace(largest_penalty(matrix, observed), 1e-3, 20)
    z = soft_impute_path(matrix, observed, penalties)[-1]
    assert np.abs(z - matrix)[~observed].max() < 0.05 * matrix.std()


def test_from_the_largest_penalty_on_all_is_0_and_below_it_is_not():
    matrix, observed = problem()
    largest = largest_penalty(matrix, observed)
    assert np.abs(soft_impute(matrix, observed, largest * (1 + 1e-9))).max() == 0
    assert np.abs(soft_impute(matrix, observed, largest * 0.99)).max() > 0


def test_without_a_penalty_the_observed_cells_are_met():
    matrix, observed = problem()
    z = soft_impute(matrix, observed, 0.0, tolerance=1e-18)
    assert z[observed] == pytest.approx(matrix[observed])


def test_what_stands_in_missing_cells_is_of_no_matter():
    matrix, observed = problem()
    holes = np.where(observed, matrix, np.nan)
    assert np.array_equal(soft_impute(matrix, observed, 1.0), soft_impute(holes, observed, 1.0))


def test_each_member_of_the_path_is_its_penaltys_optimum():
    matrix, observed = problem()
    penalties = np.array([5.0, 2.0, 0.5])
    for penalty, z in zip(penalties, soft_impute_path(matrix, observed, penalties, 1e-16), strict=True):
        assert z == pytest.approx(soft_impute(matrix, observed, penalty, tolerance=1e-16), abs=1e-5)


def test_too_few_steps_are_said():
    with pytest.warns(ConvergenceWarning, match="not converged in 2 steps"):
        soft_impute(*problem(), 0.01, steps=2)
