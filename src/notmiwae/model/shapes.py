"""Shapes of columns: a monotone map of each, learnt with the rest, after which it's Gaussian given z.

With the centre ξ and the scale 1/κ of what was seen (median, and interquartile range), a column's map is

    T(x) = ξ + sinh(δ asinh(κ (x − ξ))) / (δ κ)

the sinh-arcsinh map (Jones & Pewsey, Biometrika 2009), with a tail δ of its own on either side of ξ, where
its slope is 1: δ = 1 is the identity, δ < 1 draws a long tail in, as a logarithm does, and δ > 1 stretches a
short one. Beyond the lowest and highest value that were seen T goes on as a straight line, so that no mean
explodes there. A prior, `log δ ~ N(0, τ²)`, draws T towards the identity.

A column with limits l or u, of which hardly any value lies at them, is first mapped onto the line, with the
slope 1 at ξ too: by the logarithm of its distance from a limit, or by the logit between two. So what is
imputed lies between the limits, and doesn't pile up there.

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

_LEARNT = ("log_left", "log_right")
"""Parameters of a map that training changes."""
_TAILS = (0.1, 3.0)
"""Least and greatest δ."""
_SPREAD = 0.5
"""Standard deviation τ of log δ before anything was seen."""
_AT_LIMIT, _NEAR = 0.01, 1e-3
"""Share of values at a limit from which they pile up there, and the least distance from it, as one of ξ's."""
_FAR = 60.0
"""Greatest logit."""
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
        below: One over the distance of ξ from the lower limit, `[..., D]`; 0 where there is none.
        above: One over the distance of ξ from the upper limit, `[..., D]`; 0 where there is none.
    """

    shaped: Tensor
    centre: Tensor
    scale: Tensor
    log_left: Tensor
    log_right: Tensor
    lowest: Tensor
    highest: Tensor
    below: Tensor
    above: Tensor

    def columns(self, index: Tensor) -> Shape:
        """Take the maps of the features at `index`."""
        return Shape(*(getattr(self, field.name).index_select(-1, index) for field in fields(self)))

    def transform(self, x: Tensor) -> Tensor:
        """Map values `[..., D]` by T; one at a limit as if it were a thousandth of ξ's distance from it."""
        return self.with_log_slope(x)[0]

    def log_slope(self, x: Tensor) -> Tensor:
        """Compute `log T′(x)` of values `[..., D]`, 0 of features without a map."""
        return torch.where(self.shaped, self._log_slope(self._within(x)), 0.0)

    def with_log_slope(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `transform` and `log_slope` of values `[..., D]`, for little more than one of them."""
        within = self._within(x)
        u = self._onto_line(within)
        tail, bent = self._tail(u), self._bent(self._seen(u))
        log_slope = self._onto_line_log_slope(within) + _slope(tail, bent).log()
        mapped = self._bend_at(u, tail, bent)
        # On a side without a limit it's a straight line.
        free = torch.where(torch.where(x < within, self.below, self.above) > 0, within, x)
        mapped = torch.where(self.shaped, mapped + log_slope.exp() * (free - within), x)
        return mapped, torch.where(self.shaped, log_slope, 0.0)

    def inverse(self, y: Tensor) -> Tensor:
        """Map values of T back, `[..., D]`."""
        lowest, highest = (self.transform(end) for end in (self.lowest, self.highest))
        within = y.clamp(
            torch.where(self.below > 0, -math.inf, lowest), torch.where(self.above > 0, math.inf, highest)
        )
        x = self._off_line(self._unbend(within))
        return torch.where(self.shaped, x + (y - within) / self._log_slope(self._within(x)).exp(), y)

    def _within(self, x: Tensor) -> Tensor:
        """Draw values in to what was seen, on a side with a limit to what is near it."""
        low, high = (
            torch.where(inverse > 0, self.centre + side * (1.0 - _NEAR) / inverse.clamp_min(1e-6), seen)
            for side, inverse, seen in ((-1, self.below, self.lowest), (1, self.above, self.highest))
        )
        return x.clamp(low, high)

    def _onto_line(self, x: Tensor) -> Tensor:
        """Map values between limits onto the line, with the slope 1 at ξ."""
        d, unit = x - self.centre, self.below + self.above
        logit = (d * self.below).log1p() - (-d * self.above).log1p()
        return torch.where(unit > 0, self.centre + logit / unit.clamp_min(1e-6), x)

    def _off_line(self, u: Tensor) -> Tensor:
        unit = self.below + self.above
        v = ((u - self.centre) * unit).clamp(-_FAR, _FAR)
        d = v.expm1() / (self.below + self.above * v.exp()).clamp_min(1e-6)
        return torch.where(unit > 0, self.centre + d, u)

    def _bend(self, u: Tensor) -> Tensor:
        """Bend both tails; beyond what was seen on a straight line."""
        return self._bend_at(u, self._tail(u), self._bent(self._seen(u)))

    def _bend_at(self, u: Tensor, tail: Tensor, bent: Tensor) -> Tensor:
        within = self._seen(u)
        return self.centre + self.scale * (tail * bent).sinh() / tail + _slope(tail, bent) * (u - within)

    def _unbend(self, y: Tensor) -> Tensor:
        within = y.clamp(*(self._bend(self._onto_line(end)) for end in (self.lowest, self.highest)))
        tail = self._tail(y)
        bent = ((within - self.centre) * tail / self.scale).asinh() / tail
        return self.centre + self.scale * bent.sinh() + (y - within) / _slope(tail, bent)

    def _log_slope(self, within: Tensor) -> Tensor:
        u = self._onto_line(within)
        return self._onto_line_log_slope(within) + _slope(self._tail(u), self._bent(self._seen(u))).log()

    def _onto_line_log_slope(self, within: Tensor) -> Tensor:
        d, unit = within - self.centre, self.below + self.above
        stretched = self.below / (1.0 + d * self.below) + self.above / (1.0 - d * self.above)
        return torch.where(unit > 0, (stretched / unit.clamp_min(1e-6)).clamp_min(1e-12).log(), 0.0)

    def _seen(self, u: Tensor) -> Tensor:
        return u.clamp(self._onto_line(self.lowest), self._onto_line(self.highest))

    def _tail(self, x: Tensor) -> Tensor:
        """Return δ on the side of ξ on which values lie, mapped or not."""
        return torch.where(x < self.centre, self.log_left, self.log_right).exp()

    def _bent(self, x: Tensor) -> Tensor:
        return ((x - self.centre) / self.scale).asinh()


def _slope(tail: Tensor, bent: Tensor) -> Tensor:
    return (tail * bent).cosh() / bent.cosh()


class Shapes(nn.Module):
    """The maps of a table's columns, which begin as the identity between limits.

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
    def begin(self, x: Tensor, s: Tensor, floor: Tensor, ceiling: Tensor) -> None:
        """Take from standardised rows where their middle and ends are, and whether limits bend the map.

        Arguments:
            x: Rows `[N, D]`.
            s: Their mask.
            floor: Lower limits, `[D]`, −∞ where there is none.
            ceiling: Upper limits, `[D]`, ∞ where there is none.
        """
        seen = torch.where(s.bool(), x, math.nan)
        levels = torch.tensor([0.25, 0.5, 0.75])
        # A column at a time: torch refuses more than 16 million values.
        low, middle, high = torch.stack([torch.nanquantile(column, levels) for column in seen.T], 1)
        own = {
            "centre": middle,
            "lowest": seen.nan_to_num(math.inf).amin(0),
            "highest": seen.nan_to_num(-math.inf).amax(0),
        }
        counts = s.sum(0)
        for name, beyond, distance in (
            ("below", (seen <= floor).sum(0), middle - floor),
            ("above", (seen >= ceiling).sum(0), ceiling - middle),
        ):
            bends = distance.isfinite() & (distance > _NEAR) & (beyond < _AT_LIMIT * counts)
            # Values beyond a limit say that it's none.
            own[name] = torch.where(bends & self.shaped, 1.0 / distance, 0.0)
            # The map is infinite at a limit, and so would be its gradient there.
            reach = torch.where(bends & self.shaped, (1.0 - _NEAR) * distance, math.inf)
            own["lowest" if name == "below" else "highest"].clamp_(middle - reach, middle + reach)
        for name, values in own.items():
            self.get_parameter(name).copy_(values)
        low, high = (self()._onto_line(end) for end in (low, high))
        self.get_parameter("scale").copy_(((high - low) / _QUARTILES).clamp_min(_LEAST_SCALE))

    def forward(self) -> Shape:
        """Return the maps."""
        return self.of(dict(self.named_parameters()))

    def of(self, parameters: dict[str, Tensor]) -> Shape:
        """Return the maps with these parameters, each `[..., D]`."""
        # Only tails are learnt: a gradient of the others would be computed for nothing.
        own = {name: values if name in _LEARNT else values.detach() for name, values in parameters.items()}
        return Shape(self.shaped, **own)

    def log_prior(self, parameters: dict[str, Tensor]) -> Tensor:
        """Compute `Σ log N(log δ; 0, τ²)` of maps with these parameters, `[...]`, up to a constant."""
        shape = self.of(parameters)
        squares = shape.log_left.square() + shape.log_right.square()
        return -0.5 * (self.shaped * squares).sum(-1) / _SPREAD**2

    def check(self) -> None:
        """Raise a `ValueError` unless the parameters are those of maps."""
        shape = self()
        fine = (shape.scale > 0) & (shape.lowest <= shape.highest) & (shape.below >= 0) & (shape.above >= 0)
        if not (fine | ~shape.shaped).all():
            raise ValueError("shapes: accepted: positive scales, the lowest value first, limits beyond ξ")
        tails = torch.stack([shape.log_left, shape.log_right])
        if (tails.abs() > 1.0 - math.log(_TAILS[0])).any():
            raise ValueError(f"shapes: accepted: tails from {_TAILS[0]} to {_TAILS[1]}")

    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Give the lowest and highest values of parameters, by name, between which training keeps them."""
        limits = {name: (values.detach().clone(),) * 2 for name, values in self.named_parameters()}
        low, high = (torch.where(self.shaped, math.log(end), 0.0) for end in _TAILS)
        return limits | {"log_left": (low, high), "log_right": (low, high)}
