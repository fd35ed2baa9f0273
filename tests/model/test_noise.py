"""Noise of models that are computed as one: each draws from its own generator what it would draw alone."""

import pytest
import torch

from notmiwae.model.noise import Generators, normal, standard_gamma, uniform

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
