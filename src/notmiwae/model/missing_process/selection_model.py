"""Selection: an edge that other columns move, a share lost at random, and gaps that come together.

With u the drivers of a column, w_g ~ N(0, 1) a latent of the row and a group of columns, and an edge of the
row's own, `b_ij = b_j + c_jᵀu_i + h_j w_ig`,

    p(s_j = 0 | ·) = π_j + (1 − π_j) Φ(a_j (x_j − b_ij))    high values go missing (a > 0), or low ones
    p(s_j = 0 | ·) = π_j + (1 − π_j) Φ(−b_ij)               the value plays no part
    p(s_j = 0 | ·) = π_j + (1 − π_j) Φ(−b_ij − r_j(x_j))    each code has a rate of its own

(docs/method.md, "Missing processes"). Given z and w the edge is a number, so that every integral over x_j is
the closed form of `truncated_gaussian.py`, or a sum over codes. It's Heckman's selection model (Econometrica
1979) with the network as the equation of the outcome. A driver with a gap stands for its mean given z.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from typing_extensions import override

from notmiwae.errors import ParameterError
from notmiwae.model.distributions import Likelihood
from notmiwae.model.missing_process.edges import quantile, stacked
from notmiwae.model.missing_process.missing_process import (
    Conditional,
    Features,
    Missing,
    MissingProcess,
    ProcessSpec,
    processes,
)
from notmiwae.model.missing_process.row_edges import RowEdges
from notmiwae.model.missing_process.separable import SeparableMissing
from notmiwae.model.one_hot import OneHot
from notmiwae.specs import suggest

_SIGNS = {"high": 1.0, "low": -1.0, "none": 0.0, "code": 0.0}
_NEVER = -1e4
"""Logarithm of the share that is lost at random where none is."""
PERHAPS = "perhaps"
"""Word of `given` by which training tells whether complete columns decide too."""
_SPREAD = 0.15
"""Scale of the Laplace prior of a driver's coefficient, in standard deviations of the column it drives."""
_SHARE, _LOADING = 0.02, 0.5
"""Share lost at random, and loading of the row's latent, before training."""


@processes.register("selection")
class SelectionSpec(ProcessSpec):
    """A column's value, other columns and chance decide together whether it's seen.

    Attributes:
        direction: Which values go missing, `high` or `low` (`unknown` tries both); `none`: the value plays no
            part, given the drivers; `code`: each code of a column has a rate of its own.
        given: Columns that move the edge, the drivers: their names, or all `complete` ones, or all `others`;
            `perhaps` tries the complete ones, `shrunk`, and none.
        shrunk: Whether the drivers' coefficients c have the prior `p(c) ∝ exp(−|c| / 0.15)` each.
        at_random: Whether a share π of the values is lost whatever they are.
        together: Name of the group of columns whose gaps come together in a row; null: they don't.
        shared: Whether columns of which it's said lose values by one curve, each at an edge of its own: they
            have one slope, in standardised units.
        initial_slope: Slope before training, in standardised units.
    """

    direction: Literal["high", "low", "unknown", "none", "code"] = "high"
    given: Literal["complete", "others", "perhaps"] | tuple[str, ...] = ()
    shrunk: bool = False
    at_random: bool = False
    together: str | None = None
    shared: bool = False
    initial_slope: Annotated[float, Field(gt=0)] = 3.0

    @override
    def to_mapping(self) -> dict[str, Any]:
        given = self.given if isinstance(self.given, str) else list(self.given)
        mapping = super().to_mapping() | {"given": given}
        # What is new has no part in it where it's the default.
        unsaid = {name for name in ("shrunk", "shared") if not mapping[name]}
        return {name: mapping[name] for name in mapping if name not in unsaid}

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        groups = [self.together] if self.together is not None else []
        return build_selection(columns, [self] * len(columns), groups, x, s, features)

    @override
    def starts(self) -> list[ProcessSpec]:
        if self.direction == "unknown":
            return [self.model_copy(update={"direction": direction}) for direction in ("high", "low")]
        if self.given == PERHAPS:
            tried = ({"given": "complete", "shrunk": True}, {"given": ()})
            return [self.model_copy(update=each) for each in tried]
        return [self]


def build_selection(
    columns: Tensor,
    specs: Sequence[SelectionSpec],
    groups: Sequence[str],
    x: Tensor,
    s: Tensor,
    features: Features | None,
) -> MissingProcess:
    """Build one process of columns with settings of their own.

    Arguments:
        columns: Indices of the features of the process, `[C]`.
        specs: Settings of each column.
        groups: Names of all groups of columns whose gaps come together, in the order of the latents w.
        x: Standardised rows `[N, D]`, zero where missing.
        s: Mask `[N, D]`, 1 where observed.
        features: What to know of all D features; None: they are quantities with numbers for names, and those
            of the process alone can be missing.

    Raises:
        ParameterError: a driver isn't in the table or is the column itself, or a rate by code is asked of a
            column without codes.
        ValueError: a direction is unknown, or whether there are drivers: train each of `starts`.
    """
    if any(spec.direction == "unknown" or spec.given == PERHAPS for spec in specs):
        raise ValueError("train each of `starts()`: a process has one direction, and drivers or none")
    if features is None:
        size = x.shape[-1]
        features = Features(tuple(map(str, range(size))), (0,) * size, tuple(columns.tolist()))
    inputs = OneHot(features.codes)
    drives, edges, limits = [], [], []
    for column, spec in zip(columns.tolist(), specs, strict=True):
        if spec.direction == "code" and not features.codes[column]:
            accepted = "accepted of a column without codes: high, low, none"
            raise ParameterError(f"selection: direction: code; {accepted}")
        chosen = _drivers(spec, column, features)
        drives.append([feature in chosen for feature in inputs.features])
        edge, limit = _begin(spec, x[s[:, column].bool(), column].sort().values, len(s))
        edges.append(edge)
        limits.append(limit)
    return SelectionProcess(
        columns, specs, groups, inputs, drives, features, stacked(edges, x), stacked(limits, x)
    )


def _begin(spec: SelectionSpec, observed: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Return a column's edge before training, and the most extreme value that was observed of it.

    Arguments:
        spec: Settings of the column.
        observed: Its observed values, sorted.
        rows: Number of rows.
    """
    if spec.direction in ("none", "code"):
        rate = (rows - len(observed) + 0.5) / (rows + 1.0)
        return -torch.special.ndtri(observed.new_tensor(rate)), observed.new_zeros(())
    high = spec.direction == "high"
    return quantile(observed, 0.95 if high else 0.05), observed[-1 if high else 0]


def _drivers(spec: SelectionSpec, column: int, features: Features) -> set[int]:
    """Return the indices of a column's drivers."""
    names, own = features.names, features.names[column]
    if spec.given == "others":
        return set(range(len(names))) - {column}
    if spec.given == "complete":
        return set(range(len(names))) - set(features.gaps)
    for name in spec.given:
        if name not in names or name == own:
            others = [each for each in names if each != own]
            raise ParameterError(f"given: {own}: found {name!r}{suggest(name, others)}")
    return {names.index(name) for name in spec.given}


class SelectionProcess(MissingProcess):
    """A process with an edge for each row and column.

    Arguments:
        columns: Indices of the features that can be missing, `[C]`.
        specs: Settings of each column.
        groups: Names of all groups of columns whose gaps come together, in the order of the latents w.
        inputs: Encoding of a row, from which drivers are taken.
        drives: Which of the U encoded inputs drive each column, `[C, U]`.
        features: What to know of all D features.
        edges: Edges before training, `[C]`.
        limits: Most extreme values that were observed in the direction in which values go missing, `[C]`.
    """

    sign: Tensor
    drives: Tensor
    shrunk: Tensor
    of_group: Tensor
    mixed: Tensor
    limit: Tensor
    averaged: Tensor

    def __init__(
        self,
        columns: Tensor,
        specs: Sequence[SelectionSpec],
        groups: Sequence[str],
        inputs: OneHot,
        drives: Sequence[Sequence[bool]],
        features: Features,
        edges: Tensor,
        limits: Tensor,
    ) -> None:
        super().__init__(columns)
        self.specs, self.groups, self.latents = tuple(specs), tuple(groups), len(groups)
        self.inputs = inputs
        count = len(specs)
        member = [[float(spec.together == name) for name in groups] for spec in specs]
        for name, values in {
            "sign": torch.tensor([_SIGNS[spec.direction] for spec in specs]),
            "drives": torch.tensor(drives).float(),
            "shrunk": torch.tensor([float(spec.shrunk) for spec in specs]),
            "of_group": torch.tensor(member).reshape(count, len(groups)),
            "mixed": torch.tensor([spec.at_random for spec in specs]),
            "limit": limits,
        }.items():
            self.register_buffer(name, values, persistent=False)
        self.edge = nn.Parameter(edges)
        self.log_slope = nn.Parameter(torch.tensor([spec.initial_slope for spec in specs]).log())
        driving = {
            feature for own in drives for feature, used in zip(inputs.features, own, strict=True) if used
        }
        self.driven_by_gaps = not driving.isdisjoint(features.gaps)
        if driving:
            self.coefficients = nn.Parameter(torch.zeros(count, inputs.size))
        if groups:
            self.loading = nn.Parameter(torch.full((count,), _LOADING))
        if any(spec.at_random for spec in specs):
            self.share_logit = nn.Parameter(torch.full((count,), math.log(_SHARE / (1 - _SHARE))))
        alike = [float(spec.shared and spec.direction in ("high", "low")) for spec in specs]
        if any(alike):
            # The slope of each column, as an average of all columns' own.
            own = torch.diag(1.0 - torch.tensor(alike))
            own += torch.outer(torch.tensor(alike), torch.tensor(alike)) / sum(alike)
            self.register_buffer("averaged", own, persistent=False)
        by_code = [j for j, each in zip(columns.tolist(), specs, strict=True) if each.direction == "code"]
        if by_code:
            self.code_offsets = nn.Parameter(torch.zeros(count, max(features.codes[j] for j in by_code)))

    @override
    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Keep an edge from lying beyond all that was observed (`SelfMaskingProcess.limit`)."""
        anywhere = torch.full_like(self.limit, torch.inf)
        lowest = torch.where(self.sign < 0, self.limit, -anywhere)
        return {"edge": (lowest, torch.where(self.sign > 0, self.limit, anywhere))}

    @override
    def log_prior(self, parameters: Mapping[str, Tensor]) -> Tensor | float:
        """Compute `−Σ |c| / 0.15` of the drivers that are shrunk, up to a constant."""
        if "coefficients" not in parameters:
            return 0.0
        sizes = (parameters["coefficients"] * self.drives * self.shrunk[:, None]).abs()
        return -sizes.sum((-2, -1)) / _SPREAD

    @override
    def forward(
        self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator, w: Tensor | None = None
    ) -> Missing:
        filled = torch.where(s.bool(), x, px.mean) if self.driven_by_gaps else x
        rows = self._rows(self._edges(filled, w))
        s_j, x_j = (values.index_select(-1, self.columns) for values in (s, x))
        observed = torch.where(s_j.bool(), rows.log_observed(x_j), 0.0)

        def condition(own: Likelihood, chosen: Tensor) -> Conditional:
            return rows.pick(chosen).conditional(own)

        given = rows.conditional(px.columns(self.columns))
        return SeparableMissing(px, self.columns, condition, given, observed, s_j)

    @override
    def missing_probability(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        rows = self._rows(self._edges(x, w))
        if self.latents and w is None:
            # ∫ Φ(a (x − b − h w)) N(w; 0, 1) dw = Φ(a (x − b) / sqrt(1 + a² h²)).
            spread = (self.loading * self.of_group.sum(-1)).square()
            rows = replace(rows, blur=torch.where(self.sign == 0, 1.0, rows.slopes.square()) * spread)
        return self._scatter(rows.log_missing(x.index_select(-1, self.columns)).exp(), x)

    def _edges(self, filled: Tensor, w: Tensor | None) -> Tensor:
        """Compute the rows' own edges, `[..., B, C]`."""
        edges: Tensor = self.edge
        if hasattr(self, "coefficients"):
            u = self.inputs(filled, torch.ones_like(filled))
            edges = edges + u @ (self.coefficients * self.drives).T
        if w is not None and self.latents:
            edges = edges + (w @ self.of_group.T) * self.loading
        return edges.expand(*filled.shape[:-1], -1) if edges.dim() < 2 else edges

    def _rows(self, edges: Tensor) -> RowEdges:
        slopes = torch.where(self.sign == 0, 1.0, self.sign) * self._log_slopes().exp()
        log_share = None
        if hasattr(self, "share_logit"):
            never = torch.full_like(self.share_logit, _NEVER)
            log_share = (
                torch.where(self.mixed, logsigmoid(self.share_logit), never),
                torch.where(self.mixed, logsigmoid(-self.share_logit), 0.0),
            )
        return RowEdges(self.sign != 0, slopes, edges, log_share, getattr(self, "code_offsets", None))

    def _log_slopes(self) -> Tensor:
        """Return the logarithm of each column's |a|, `[C]`."""
        return self.averaged @ self.log_slope if hasattr(self, "averaged") else self.log_slope

    @override
    @torch.no_grad()
    def learnt(self) -> list[dict[str, Any]]:
        """Report `direction`, `slope` |a| and `midpoints` [b], or a `rate`, and what a column has besides.

        It's `at_random` π, `given` (for each encoded input the index of its feature, its code and c), and
        `together` |h|, in the units of the edge.
        """
        described = []
        for place, (column, spec) in enumerate(zip(self.columns.tolist(), self.specs, strict=True)):
            edge = self.edge[place]
            found: dict[str, Any] = {"column": column}
            if self.sign[place] == 0:
                found["rate"] = float(torch.special.ndtr(-edge))
            else:
                slope = float(self._log_slopes()[place].exp())
                found |= {"direction": spec.direction, "slope": slope, "midpoints": [float(edge)]}
            if spec.at_random:
                found["at_random"] = float(self.share_logit[place].sigmoid())
            drivers = self.drives[place].nonzero().flatten().tolist()
            if drivers:
                found["given"] = [
                    (*self.inputs.names[u], float(self.coefficients[place, u])) for u in drivers
                ]
            if spec.together is not None:
                found["together"] = float(self.loading[place].abs())
            described.append(found)
        return described
