"""Networks: sizes, independence of rows, reach of every input, and the layout of images."""

import pytest
import torch

from notmiwae.model.networks import networks

SIZES = {"height": 6, "width": 8, "patch": 2}
PIXELS = 48
DECODERS = {"patch_decoder"}


def network(kind):
    """A network of the kind for images of 6 × 8, and its numbers of inputs and outputs."""
    spec = networks.parse({"kind": kind} | (SIZES if kind.startswith("patch") else {}))
    inputs, outputs = (5, PIXELS) if kind in DECODERS else (2 * PIXELS, 10)
    torch.manual_seed(0)
    return spec.build(inputs, outputs), inputs, outputs


@pytest.fixture(params=networks.names())
def built(request):
    with torch.random.fork_rng(devices=[]):
        yield network(request.param)


def test_network_maps_the_last_axis(built):
    module, inputs, outputs = built
    for shape in ((1,), (7,)):
        assert module(torch.zeros(*shape, inputs)).shape == (*shape, outputs)


@pytest.mark.parametrize("kind", ["linear", "mlp", "patch_decoder"])
def test_decoder_keeps_the_axes_of_samples_and_rows(kind):
    module, inputs, outputs = network(kind)
    z = torch.randn(3, 4, inputs, generator=torch.Generator().manual_seed(1))
    found = module(z)
    assert found.shape == (3, 4, outputs)
    assert torch.allclose(found[2], module(z[2]), atol=1e-6)


def test_a_rows_output_depends_on_that_row_alone(built):
    module, inputs, _ = built
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(5, inputs, generator=generator)
    changed = x.clone()
    changed[3] += 1
    same = (module(x) - module(changed)).abs().amax(-1) < 1e-6
    assert same.tolist() == [True, True, True, False, True]


def test_every_input_reaches_the_output(built):
    module, inputs, _ = built
    x = torch.randn(30, inputs, generator=torch.Generator().manual_seed(3), requires_grad=True)
    (gradient,) = torch.autograd.grad(module(x).square().sum(), x)
    assert (gradient.abs().sum(0) > 0).all()


def test_networks_start_from_the_global_seed_alone():
    for kind in networks.names():
        first, second = network(kind)[0].state_dict(), network(kind)[0].state_dict()
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_patch_decoder_lays_pixels_out_row_by_row():
    module, inputs, _ = network("patch_decoder")
    last = [layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.arange(4.0))
        image = module(torch.zeros(1, inputs)).view(6, 8)
    # Each patch of 2 × 2 holds the four values, row by row.
    assert torch.equal(image, torch.tensor([[0.0, 1.0], [2.0, 3.0]]).repeat(3, 4))


def test_patch_encoder_reads_values_and_mask_as_two_images():
    module, inputs, _ = network("patch_encoder")
    first = next(layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d))
    seen = []
    first.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    row = torch.arange(float(inputs))
    module(row[None])
    assert torch.equal(seen[0][0], row.view(2, 6, 8))


def test_a_patch_that_does_not_divide_the_image_is_refused():
    for kind in ("patch_encoder", "patch_decoder"):
        with pytest.raises(ValueError, match="5 doesn't divide an image of 28 × 28"):
            networks.parse({"kind": kind, "height": 28, "width": 28, "patch": 5}).build(784, 784)


@pytest.mark.parametrize("activation", ["tanh", "relu", "elu", "gelu"])
def test_mlp_has_the_widths_and_the_activation_it_was_given(activation):
    spec = networks.parse({"kind": "mlp", "hidden": [3, 5], "activation": activation})
    layers = list(spec.build(2, 4))
    assert [layer.out_features for layer in layers[::2]] == [3, 5, 4]
    assert {type(layer).__name__.lower() for layer in layers[1::2]} == {activation}


# --- an affine path beside the perceptron


@pytest.fixture
def bent():
    """A perceptron of two hidden layers with an affine path, 5 to 3, fresh, and inputs for it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = networks.parse({"kind": "mlp", "hidden": [7, 6], "skip": True}).build(5, 3)
    return module, torch.randn(20, 5, generator=torch.Generator().manual_seed(1))


def step(module, x, target):
    """One step down the squared error, and the parameters' gradients in it."""
    module.zero_grad()
    (module(x) - target).square().mean().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in module.named_parameters()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter -= 0.1 * parameter.grad
    return gradients


def test_a_perceptron_with_an_affine_path_starts_exactly_affine(bent):
    module, x = bent
    assert torch.equal(module(x), module.linear(x))
    assert (module(x) != 0).all()
    # However far away, where a tanh would long be flat.
    far = 1e4 * x
    assert torch.allclose(module(far) - module(0 * x), 1e4 * (module(x) - module(0 * x)), rtol=1e-3)


def test_after_one_step_the_gradient_reaches_every_parameter(bent):
    module, x = bent
    target = x[:, :3].square()
    first = step(module, x, target)
    silent = {name for name, gradient in first.items() if not gradient.any()}
    assert silent == {name for name in first if name.startswith("deep.") and not name.startswith("deep.4.")}
    second = step(module, x, target)
    assert all(gradient.any() for gradient in second.values())
    assert not torch.allclose(module(x), module.linear(x), atol=1e-6)


def test_without_the_affine_path_nothing_starts_at_zero():
    module = networks.parse({"kind": "mlp", "hidden": [7, 6]}).build(5, 3)
    assert networks.parse({"kind": "mlp"}).skip is False
    assert all(parameter.any() for parameter in module.parameters())
