"""Noise of models that are computed as one, and of rows: each meets the numbers that it would meet alone."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from notmiwae.model.noise import Generators, RowGenerators, normal, standard_gamma, uniform

DRAWS = pytest.mark.parametrize("draw", [normal, uniform, standard_gamma])
LIKE = torch.linspace(0.4, 5.0, 24).reshape(3, 2, 4)


def generators():
    return [torch.Generator().manual_seed(seed) for seed in (1, 2, 3)]


@DRAWS
@pytest.mark.parametrize("axis", [0, 1])
def test_under_vmap_each_model_draws_what_it_draws_alone(draw, axis):
    ours, alone = Generators(generators()), generators()
    together = torch.vmap(lambda like: (draw(like, ours), draw(like, ours)), in_dims=axis)
    drawn = together(LIKE.movedim(0, axis))
    for number in range(2):
        expected = torch.stack([draw(like, own) for like, own in zip(LIKE, alone, strict=True)])
        assert torch.equal(drawn[number], expected), number
        assert drawn[number].dtype == expected.dtype


def test_gradients_of_a_gamma_draw_are_those_of_each_model():
    gradients = []
    for together in (True, False):
        like = LIKE.clone().requires_grad_()
        if together:
            ours = Generators(generators())
            drawn = torch.vmap(lambda like, ours=ours: standard_gamma(like, ours).log())(like)
        else:
            pairs = zip(like, generators(), strict=True)
            drawn = torch.stack([standard_gamma(row, own).log() for row, own in pairs])
        drawn.square().sum().backward()
        gradients.append(like.grad)
    assert torch.equal(*gradients)
    assert (gradients[0] != 0).all()


@DRAWS
def test_generators_of_several_models_are_refused_where_there_is_no_vmap(draw):
    with pytest.raises(RuntimeError, match=r"^generators of several models are for use under torch\.vmap$"):
        draw(LIKE, Generators(generators()))


@DRAWS
def test_as_many_generators_as_models(draw):
    with pytest.raises(ValueError, match="shorter"):
        torch.vmap(lambda like: draw(like, Generators(generators()[:2])))(LIKE)


def test_a_draw_past_the_generators_is_refused_under_vmap():
    ours = Generators(generators())
    with pytest.raises(RuntimeError, match="random"):
        torch.vmap(lambda like: torch.randn(like.shape, generator=ours))(LIKE)


# --- rows

SEEDS = [7, 2**62 + 5, 7, 0]
FOUR = torch.linspace(0.4, 5.0, 72).reshape(3, 4, 6)


@DRAWS
def test_a_row_meets_the_same_numbers_in_whatever_table_it_stands(draw):
    together, alone = RowGenerators(SEEDS), [RowGenerators([seed]) for seed in SEEDS]
    for _ in range(2):
        drawn = draw(FOUR, together)
        for row, own in enumerate(alone):
            assert torch.equal(drawn[:, [row]], draw(FOUR[:, [row]], own)), row
    assert drawn.shape == FOUR.shape
    assert drawn.dtype == draw(FOUR, torch.Generator()).dtype


@DRAWS
def test_only_rows_of_one_seed_meet_the_same_numbers_and_other_ones_at_each_call(draw):
    ours, like = RowGenerators(SEEDS), torch.ones(3, 4, 6)
    first, second = draw(like, ours), draw(like, ours)
    assert torch.equal(first[:, 0], first[:, 2])
    rows = torch.cat([first[:, [0, 1, 3]], second[:, [0, 1, 3]]], 1)
    assert len(rows.unique()) == rows.numel()


@pytest.mark.parametrize(("draw", "law"), [(normal, "norm"), (uniform, "uniform")])
def test_numbers_of_seeds_that_are_alike_are_independent(draw, law):
    ours = RowGenerators(range(20_000))
    drawn = torch.cat([draw(torch.ones(2, 20_000), ours).double() for _ in range(2)])
    for numbers in drawn:
        assert kstest(numbers.numpy(), law).pvalue > 1e-3
    # Within a row, and of a row and the next.
    apart = torch.cat([drawn, drawn.roll(1, 1)])
    correlation = torch.corrcoef(apart) - torch.eye(8)
    assert correlation.abs().max() < 5 / np.sqrt(20_000)


def test_as_many_seeds_as_rows():
    with pytest.raises(ValueError, match="shorter"):
        normal(FOUR, RowGenerators(SEEDS[:3]))


def test_what_asks_torch_itself_for_numbers_gets_those_of_the_first_row():
    drawn = [torch.randn(3, generator=RowGenerators(seeds)) for seeds in ([7, 1], [7, 3], [1, 7])]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
