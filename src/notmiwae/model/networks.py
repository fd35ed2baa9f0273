"""Networks: they map tensors to tensors and know nothing of probability."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, model_validator
from torch import Tensor, nn
from typing_extensions import override

from notmiwae.errors import ParameterError
from notmiwae.specs import Registry, Spec

Size = Annotated[int, Field(gt=0)]
MOST_LAYERS = 100
Widths = Annotated[tuple[Size, ...], Field(min_length=1, max_length=MOST_LAYERS)]
"""Widths of hidden layers: not more than anyone would train, as a saved model's file may ask for millions."""
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "elu": nn.ELU, "gelu": nn.GELU}


class NetworkSpec(Spec):
    """How a network is built, given the sizes that the table sets."""

    def build(self, inputs: int, outputs: int) -> nn.Module:
        """Build a freshly initialised module from `[..., inputs]` to `[..., outputs]`."""
        raise NotImplementedError


networks: Registry[NetworkSpec] = Registry("network", __name__)


@networks.register("linear")
class LinearSpec(NetworkSpec):
    """One affine map: as a decoder with a shared variance, probabilistic PCA."""

    @override
    def build(self, inputs: int, outputs: int) -> nn.Module:
        return nn.Linear(inputs, outputs)


@networks.register("mlp")
class MLPSpec(NetworkSpec):
    """A multi-layer perceptron.

    Attributes:
        hidden: Widths of the hidden layers.
        activation: Nonlinearity of the hidden layers.
        skip: Whether an affine map from inputs to outputs is added. The perceptron is zero at first, so that
            training begins with the linear model and bends it where the data say so; beyond what was
            observed, where a bounded activation saturates, the linear part goes on.
    """

    hidden: Widths = (128, 128)
    activation: Literal["tanh", "relu", "elu", "gelu"] = "tanh"
    skip: bool = False

    @override
    def build(self, inputs: int, outputs: int) -> nn.Module:
        layers: list[nn.Module] = []
        width = inputs
        for hidden in self.hidden:
            layers += [nn.Linear(width, hidden), ACTIVATIONS[self.activation]()]
            width = hidden
        last = nn.Linear(width, outputs)
        deep = nn.Sequential(*layers, last)
        if not self.skip:
            return deep
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        return _Skip(nn.Linear(inputs, outputs), deep)


class _Skip(nn.Module):
    """`linear(x) + deep(x)`: a perceptron beside an affine map."""

    def __init__(self, linear: nn.Module, deep: nn.Module) -> None:
        super().__init__()
        self.linear = linear
        self.deep = deep

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.linear(x) + self.deep(x)
        return outputs


class PatchSpec(NetworkSpec):
    """What the convolutional networks of images have in common: a grid of patches.

    Working on the grid of patches, not of pixels, keeps the matrix products few and large, which is what a
    CPU is fast at.

    Attributes:
        height: Height of an image in pixels; a row of the table is the image in row-major order, for the
            encoder repeated for each channel (values, then mask).
        width: Width of an image in pixels.
        patch: Side of a patch in pixels; it divides height and width.
        channels: Channels of the two inner layers.
        blocks: Number of residual blocks behind the inner layers, each of two more 3 × 3 convolutions; the
            decoder profits most.
    """

    height: Size
    width: Size
    patch: Size = 4
    channels: tuple[Size, Size] = (32, 64)
    blocks: NonNegativeInt = 0

    @model_validator(mode="after")
    def _patches_fit(self) -> Self:
        if self.height % self.patch or self.width % self.patch:
            raise ValueError(
                f"a patch of {self.patch} doesn't divide an image of {self.height} × {self.width}"
            )
        return self

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.height // self.patch, self.width // self.patch

    def images(self, features: int) -> int:
        """Count the images in a row of `features` values.

        Raises:
            ParameterError: the row holds no image, or not a whole number of them.
        """
        images, rest = divmod(features, self.height * self.width)
        if rest or not images:
            size = f"{self.height} × {self.width}"
            raise ParameterError(f"rows of {features} features aren't images of {size} pixels")
        return images

    def residual(self) -> list[nn.Module]:
        """Build the residual blocks."""
        return [_Residual(self.channels[-1]) for _ in range(self.blocks)]


class _Residual(nn.Module):
    """`x + convolution(GELU(convolution(GELU(x))))`, which starts as the identity (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.Conv2d(channels, channels, 3, padding=1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.added = nn.Sequential(nn.GELU(), nn.Conv2d(channels, channels, 3, padding=1), nn.GELU(), last)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = x + self.added(x)
        return outputs


@networks.register("patch_encoder")
class PatchEncoderSpec(PatchSpec):
    """A convolutional encoder of images: patches, 3 × 3 convolutions over their grid, a dense layer."""

    @override
    def build(self, inputs: int, outputs: int) -> nn.Module:
        images = self.images(inputs)
        first, second = self.channels
        rows, columns = self.grid
        return nn.Sequential(
            nn.Unflatten(-1, (images, self.height, self.width)),
            nn.Conv2d(images, first, self.patch, self.patch),
            nn.GELU(),
            nn.Conv2d(first, second, 3, padding=1),
            *self.residual(),
            nn.GELU(),
            nn.Flatten(-3),
            nn.Linear(second * rows * columns, outputs),
        )


@networks.register("patch_decoder")
class PatchDecoderSpec(PatchSpec):
    """A convolutional decoder of images: a dense layer, 3 × 3 convolutions, a patch from each place.

    All places share the convolutions, so that pixels that were seen teach those that were not. Several
    outputs a pixel are so many images.
    """

    @override
    def build(self, inputs: int, outputs: int) -> nn.Module:
        images = self.images(outputs)
        first, second = self.channels
        rows, columns = self.grid
        return _LeadingAxes(
            nn.Sequential(
                nn.Linear(inputs, first * rows * columns),
                nn.GELU(),
                nn.Unflatten(-1, (first, rows, columns)),
                nn.Conv2d(first, second, 3, padding=1),
                *self.residual(),
                nn.GELU(),
                nn.Conv2d(second, images * self.patch**2, 3, padding=1),
                nn.PixelShuffle(self.patch),
                nn.Flatten(-3),
            )
        )


class _LeadingAxes(nn.Module):
    """A module that meets all axes but the last folded into one, as a convolution takes one batch axis."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        folded: Tensor = self.inner(x.flatten(0, -2))
        return folded.reshape(*x.shape[:-1], folded.shape[-1])
