"""Shapes of columns: a monotone map of each, learnt with the rest, after which it's Gaussian given z.

With a centre ξ, a scale 1/κ and a tail δ a column,

    T(x) = ξ + sinh(δ asinh(κ (x − ξ))) / (δ κ)

is the sinh-arcsinh map (Jones & Pewsey, Biometrika 2009) with the slope 1 at ξ: δ = 1 is the identity, δ < 1
draws long tails in, as a logarithm does, and δ > 1 stretches short ones, as a logit does; ξ at one end bends
the other alone. Beyond the lowest and highest value that were seen T goes on as a straight line, so that no
mean explodes there.

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

_TAILS = (0.05, 3.0)
"""Least and greatest δ."""
_SCALES = (0.25, 2.0)
"""Least and greatest κ, in standardised units."""


@dataclass(frozen=True)
class Shape:
    """The map T of each of some features.

    Attributes:
        shaped: Which features have one, `[D]`; the others stay as they are.
        centre: Centres ξ, `[..., D]`.
        log_scale: `log κ`, `[..., D]`.
        log_tail: `log δ`, `[..., D]`.
        lowest: Lowest values that were seen, `[..., D]`.
        highest: Highest values that were seen, `[..., D]`.
    """

    shaped: Tensor
    centre: Tensor
    log_scale: Tensor
    log_tail: Tensor
    lowest: Tensor
    highest: Tensor

    def columns(self, index: Tensor) -> Shape:
        """Take the maps of the features at `index`."""
        return Shape(*(getattr(self, field.name).index_select(-1, index) for field in fields(self)))

    def transform(self, x: Tensor) -> Tensor:
        """Map values `[..., D]` by T."""
        within = x.clamp(self.lowest, self.highest)
        bent = self._bent(within)
        mapped = self.centre + (self.log_tail.exp() * bent).sinh() / (self.log_tail + self.log_scale).exp()
        return torch.where(self.shaped, mapped + self._slope(bent) * (x - within), x)

    def log_slope(self, x: Tensor) -> Tensor:
        """Compute `log T′(x)` of values `[..., D]`, 0 of features without a map."""
        slope = self._slope(self._bent(x.clamp(self.lowest, self.highest)))
        return torch.where(self.shaped, slope.log(), 0.0)

    def inverse(self, y: Tensor) -> Tensor:
        """Map values of T back, `[..., D]`."""
        within = y.clamp(self.transform(self.lowest), self.transform(self.highest))
        tail = self.log_tail.exp()
        bent = ((within - self.centre) * (self.log_tail + self.log_scale).exp()).asinh() / tail
        mapped = self.centre + bent.sinh() / self.log_scale.exp()
        return torch.where(self.shaped, mapped + (y - within) / self._slope(bent), y)

    def _bent(self, x: Tensor) -> Tensor:
        return ((x - self.centre) * self.log_scale.exp()).asinh()

    def _slope(self, bent: Tensor) -> Tensor:
        return (self.log_tail.exp() * bent).cosh() / bent.cosh()


class Shapes(nn.Module):
    """The maps of a table's columns, which begin as the identity.

    The ends of what was seen are parameters too, of which `limits` makes constants: models that are computed
    as one have parameters of their own, and nothing else.

    Arguments:
        shaped: Which of the D features have a map.
    """

    shaped: Tensor

    def __init__(self, shaped: Sequence[bool]) -> None:
        super().__init__()
        self.register_buffer("shaped", torch.tensor(shaped), persistent=False)
        for name in ("centre", "log_scale", "log_tail", "lowest", "highest"):
            self.register_parameter(name, nn.Parameter(torch.zeros(len(shaped))))

    @torch.no_grad()
    def begin(self, x: Tensor, s: Tensor) -> None:
        """Take the ends of what was seen in standardised rows `[N, D]`, by their mask."""
        seen = s.bool()
        self.get_parameter("lowest").copy_(torch.where(seen, x, math.inf).amin(0))
        self.get_parameter("highest").copy_(torch.where(seen, x, -math.inf).amax(0))

    def forward(self) -> Shape:
        """Return the maps."""
        return self.of(dict(self.named_parameters()))

    def of(self, parameters: dict[str, Tensor]) -> Shape:
        """Return the maps with these parameters, each `[..., D]`."""
        return Shape(self.shaped, **parameters)

    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Give the lowest and highest values of parameters, by name, between which training keeps them."""
        lowest, highest = (self.get_parameter(name).detach().clone() for name in ("lowest", "highest"))

        def between(ends: tuple[float, float]) -> tuple[Tensor, Tensor]:
            low, high = (torch.full_like(lowest, math.log(end)) for end in ends)
            return torch.where(self.shaped, low, 0.0), torch.where(self.shaped, high, 0.0)

        return {
            "centre": (lowest, highest),
            "log_scale": between(_SCALES),
            "log_tail": between(_TAILS),
            "lowest": (lowest, lowest),
            "highest": (highest, highest),
        }
