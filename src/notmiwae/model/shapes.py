"""Shapes of columns: a monotone map of each, learnt with the rest, after which it's Gaussian given z.

With the centre ξ and the scale 1/κ of what was seen (median, and interquartile range), a column's map is

    T(x) = ξ + sinh(δ asinh(κ (x − ξ))) / (δ κ)

the sinh-arcsinh map (Jones & Pewsey, Biometrika 2009), with a tail δ of its own on either side of ξ, where
its slope is 1: δ = 1 is the identity, δ < 1 draws a long tail in, as a logarithm does, and δ > 1 stretches a
short one. Beyond the lowest and highest value that were seen T goes on as a straight line, so that no mean
explodes there. A prior, `log δ ~ N(0, τ²)`, draws T towards the identity.

An edge beyond which values go missing is an edge of T(x), so every closed form of the missing processes holds
in T(x), where `log T′(x)` joins `log p(x_o | z)`. Learnt jointly with the missing process, T isn't misled by
what is cut off, as one that is fitted to the seen values is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

_TAILS = (0.1, 3.0)
"""Least and greatest δ."""
_SPREAD = 0.5
"""Standard deviation τ of log δ before anything was seen."""
_LEAST_SCALE = 0.5
"""Least 1/κ, in standardised units: a column of which most values are equal has no quartiles."""
_QUARTILES = 1.3489795
"""Interquartile range of a standard normal law."""


@dataclass(frozen=True)
class Shape:
    """The map T of each of some features.

    Attributes:
        shaped: Which features have one, `[D]`; the others stay as they are.
        centre: Centres ξ, `[..., D]`.
        scale: Scales 1/κ, `[..., D]`.
        log_left: `log δ` of values below ξ, `[..., D]`.
        log_right: `log δ` of values above ξ, `[..., D]`.
        lowest: Lowest values that were seen, `[..., D]`.
        highest: Highest values that were seen, `[..., D]`.
    """

    shaped: Tensor
    centre: Tensor
    scale: Tensor
    log_left: Tensor
    log_right: Tensor
    lowest: Tensor
    highest: Tensor

    def columns(self, index: Tensor) -> Shape:
        """Take the maps of the features at `index`."""
        return Shape(*(getattr(self, field.name).index_select(-1, index) for field in fields(self)))

    def transform(self, x: Tensor) -> Tensor:
        """Map values `[..., D]` by T."""
        within = x.clamp(self.lowest, self.highest)
        tail, bent = self._tail(x), self._bent(within)
        mapped = self.centre + self.scale * (tail * bent).sinh() / tail
        return torch.where(self.shaped, mapped + _slope(tail, bent) * (x - within), x)

    def log_slope(self, x: Tensor) -> Tensor:
        """Compute `log T′(x)` of values `[..., D]`, 0 of features without a map."""
        bent = self._bent(x.clamp(self.lowest, self.highest))
        return torch.where(self.shaped, _slope(self._tail(x), bent).log(), 0.0)

    def inverse(self, y: Tensor) -> Tensor:
        """Map values of T back, `[..., D]`."""
        within = y.clamp(self.transform(self.lowest), self.transform(self.highest))
        tail = self._tail(y)
        bent = ((within - self.centre) * tail / self.scale).asinh() / tail
        mapped = self.centre + self.scale * bent.sinh()
        return torch.where(self.shaped, mapped + (y - within) / _slope(tail, bent), y)

    def _tail(self, x: Tensor) -> Tensor:
        """Return δ on the side of ξ on which values lie, mapped or not."""
        return torch.where(x < self.centre, self.log_left, self.log_right).exp()

    def _bent(self, x: Tensor) -> Tensor:
        return ((x - self.centre) / self.scale).asinh()


def _slope(tail: Tensor, bent: Tensor) -> Tensor:
    return (tail * bent).cosh() / bent.cosh()


class Shapes(nn.Module):
    """The maps of a table's columns, which begin as the identity.

    What is taken from the seen values are parameters too, of which `limits` makes constants: models that are
    computed as one have parameters of their own, and nothing else.

    Arguments:
        shaped: Which of the D features have a map.
    """

    shaped: Tensor

    def __init__(self, shaped: Sequence[bool]) -> None:
        super().__init__()
        self.register_buffer("shaped", torch.tensor(shaped), persistent=False)
        for field in fields(Shape)[1:]:
            self.register_parameter(field.name, nn.Parameter(torch.zeros(len(shaped))))

    @torch.no_grad()
    def begin(self, x: Tensor, s: Tensor) -> None:
        """Take from standardised rows `[N, D]` and their mask where the middle and the ends are."""
        seen = torch.where(s.bool(), x, math.nan)
        low, middle, high = (torch.nanquantile(seen, level, 0) for level in (0.25, 0.5, 0.75))
        self.get_parameter("centre").copy_(middle)
        self.get_parameter("scale").copy_(((high - low) / _QUARTILES).clamp_min(_LEAST_SCALE))
        self.get_parameter("lowest").copy_(seen.nan_to_num(math.inf).amin(0))
        self.get_parameter("highest").copy_(seen.nan_to_num(-math.inf).amax(0))

    def forward(self) -> Shape:
        """Return the maps."""
        return self.of(dict(self.named_parameters()))

    def of(self, parameters: dict[str, Tensor]) -> Shape:
        """Return the maps with these parameters, each `[..., D]`."""
        return Shape(self.shaped, **parameters)

    def log_prior(self, parameters: dict[str, Tensor]) -> Tensor:
        """Compute `Σ log N(log δ; 0, τ²)` of maps with these parameters, `[...]`, up to a constant."""
        shape = self.of(parameters)
        squares = shape.log_left.square() + shape.log_right.square()
        return -0.5 * (self.shaped * squares).sum(-1) / _SPREAD**2

    def check(self) -> None:
        """Raise a `ValueError` unless the parameters are those of maps."""
        shape = self()
        if not ((shape.scale > 0) & (shape.lowest <= shape.highest)).logical_or(~shape.shaped).all():
            raise ValueError("shapes: accepted: positive scales, the lowest value first")
        tails = torch.stack([shape.log_left, shape.log_right])
        if (tails.abs() > 1.0 - math.log(_TAILS[0])).any():
            raise ValueError(f"shapes: accepted: tails from {_TAILS[0]} to {_TAILS[1]}")

    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Give the lowest and highest values of parameters, by name, between which training keeps them."""
        limits = {name: (values.detach().clone(),) * 2 for name, values in self.named_parameters()}
        low, high = (torch.where(self.shaped, math.log(end), 0.0) for end in _TAILS)
        return limits | {"log_left": (low, high), "log_right": (low, high)}
