"""A missing process of each column's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import torch
from pydantic import BeforeValidator
from torch import Tensor, nn
from typing_extensions import override

from notmiwae.errors import ParameterError
from notmiwae.model.distributions import Likelihood
from notmiwae.model.missing_process.ignorable import IgnorableProcess
from notmiwae.model.missing_process.mcar import MCARSpec
from notmiwae.model.missing_process.missing_process import Missing, MissingProcess, ProcessSpec, processes
from notmiwae.model.missing_process.separable import SeparableProcess
from notmiwae.model.observation.observation_model import ObservationSpec
from notmiwae.specs import suggest

Entry = Annotated[ProcessSpec, BeforeValidator(processes.parse)]


@processes.register("by_column")
class ByColumnSpec(ProcessSpec):
    """Each column has the separable process that is set for it: `p(s | x) = Π_j p_j(s_j | x_j)`.

    Columns with equal settings are one process, so that a `shared` edge is shared by them. Unknown
    directions are tried together: all high, then all low.

    Attributes:
        default: The process of the columns that aren't named.
        columns: By name.
    """

    default: Entry = MCARSpec()
    columns: Mapping[str, Entry] = {}

    @override
    def to_mapping(self) -> dict[str, Any]:
        columns = {name: spec.to_mapping() for name, spec in self.columns.items()}
        return super().to_mapping() | {"columns": columns}

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, names: Sequence[str] | None = None
    ) -> MissingProcess:
        """Build a process for each group of columns with equal settings.

        Raises:
            ParameterError: a named column isn't in the table, or a process isn't separable.
        """
        if self.columns and names is None:
            raise ParameterError("by_column: building it takes the columns' names")
        known = set(names or ())
        for name in self.columns:
            if name not in known:
                raise ParameterError(f"by_column: columns: no column {name!r}{suggest(name, names or ())}")
        specs: list[ProcessSpec] = []
        members: list[list[int]] = []
        for j in columns.tolist():
            spec = self.columns.get(names[j], self.default) if names is not None else self.default
            if spec not in specs:
                specs.append(spec)
                members.append([])
            members[specs.index(spec)].append(j)
        parts = [
            spec.build(columns.new_tensor(part), x, s, names)
            for spec, part in zip(specs, members, strict=True)
        ]
        for spec, part in zip(specs, parts, strict=True):
            if not isinstance(part, SeparableProcess | IgnorableProcess):
                raise ParameterError(
                    f"by_column: {spec.kind} isn't separable: it takes the whole row, not one column"
                )
        return ByColumnProcess(columns, parts)

    @override
    def starts(self) -> list[ProcessSpec]:
        default, columns = self.default.starts(), {name: spec.starts() for name, spec in self.columns.items()}
        most = max(map(len, [default, *columns.values()]))
        return [
            self.model_copy(
                update={
                    "default": default[min(start, len(default) - 1)],
                    "columns": {name: each[min(start, len(each) - 1)] for name, each in columns.items()},
                }
            )
            for start in range(most)
        ]


class ByColumnProcess(MissingProcess):
    """Processes side by side, each of some columns.

    Arguments:
        columns: Indices of all features that can be missing, `[C]`.
        parts: The processes.
    """

    def __init__(self, columns: Tensor, parts: list[MissingProcess]) -> None:
        super().__init__(columns)
        self.parts = nn.ModuleList(parts)

    def processes(self) -> list[MissingProcess]:
        """Those of the columns."""
        return cast(list[MissingProcess], list(self.parts))

    @override
    def forward(self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator) -> Missing:
        parts: list[tuple[Tensor, Missing]] = [
            (part.columns, part(px, x, s, generator)) for part in self.processes()
        ]
        log_prob = sum((part.log_prob for _, part in parts), start=x.new_zeros(()))
        return ByColumnMissing(px, parts, log_prob)

    @override
    def missing_probability(self, x: Tensor) -> Tensor:
        return sum((part.missing_probability(x) for part in self.processes()), start=torch.zeros_like(x))

    @override
    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        parts = enumerate(self.processes())
        return {f"parts.{n}.{name}": limits for n, part in parts for name, limits in part.limits().items()}

    @override
    def learnt(self) -> list[dict[str, Any]]:
        return sorted(
            (each for part in self.processes() for each in part.learnt()), key=lambda each: each["column"]
        )


@dataclass(frozen=True)
class ByColumnMissing(Missing):
    """Missing values of which each column has a process of its own.

    Attributes:
        px: p(x | z), `[K, B, D]`.
        parts: Columns of each process, `[C]`, and what it says of the missing values.
        log_prob: `log p(s | x_o, z)`, `[K, B]`.
    """

    px: Likelihood
    parts: list[tuple[Tensor, Missing]]
    log_prob: Tensor

    @override
    def average(self, alpha: Tensor) -> Tensor:
        return self._joined(self.px.average(alpha), [part.average(alpha) for _, part in self.parts])

    @override
    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        ignorable = self.px.pick(chosen).sample(generator)
        return self._joined(ignorable, [part.sample(chosen, generator) for _, part in self.parts])

    def _joined(self, values: Tensor, of_parts: list[Tensor]) -> Tensor:
        """`values` with each part's own columns put in their places."""
        for (columns, _), own in zip(self.parts, of_parts, strict=True):
            values = values.index_copy(-1, columns, own.index_select(-1, columns))
        return values


def build_process(
    spec: ProcessSpec,
    observation: ObservationSpec,
    columns: Tensor,
    x: Tensor,
    s: Tensor,
    names: Sequence[str],
) -> MissingProcess:
    """The process over the features `columns`; a separable one takes each kind of column by itself.

    So its integrals are closed forms for real values and sums for codes, whatever stands beside them.

    Arguments:
        spec: The process.
        observation: What says of which kind a column is.
        columns: See `ProcessSpec.build`.
        x: See `ProcessSpec.build`.
        s: See `ProcessSpec.build`.
        names: See `ProcessSpec.build`.
    """
    process = spec.build(columns, x, s, names)
    kinds = (columns.new_tensor(each) for each in observation.groups(x.shape[-1]))
    groups = [group for group in (columns[torch.isin(columns, kind)] for kind in kinds) if len(group)]
    if len(groups) < 2 or not isinstance(process, SeparableProcess | ByColumnProcess):
        return process
    built = [spec.build(group, x, s, names) for group in groups]
    flat = [
        each for part in built for each in (part.processes() if isinstance(part, ByColumnProcess) else [part])
    ]
    return ByColumnProcess(columns, flat)
