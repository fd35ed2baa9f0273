"""Missing processes side by side, each of some columns."""

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
from notmiwae.model.missing_process.missing_process import (
    Features,
    Missing,
    MissingProcess,
    ProcessSpec,
    average_beside,
    processes,
)
from notmiwae.model.missing_process.selection_model import SelectionProcess, SelectionSpec, build_selection
from notmiwae.model.missing_process.separable import SeparableProcess
from notmiwae.model.observation.observation_model import ObservationSpec
from notmiwae.model.shapes import Shape
from notmiwae.specs import suggest

Entry = Annotated[ProcessSpec, BeforeValidator(processes.parse)]


@processes.register("by_column")
class ByColumnSpec(ProcessSpec):
    """Each column has the separable process that is set for it: `p(s | x) = Π_j p_j(s_j | x_j)`.

    Columns with equal settings are one process, so that a `shared` edge is shared by them; so are those of
    which selection is set, whatever its settings. Unknown
    directions are tried together: all high, then all low.

    Attributes:
        default: Process of the columns that aren't named.
        columns: Processes of columns, by the columns' names.
    """

    default: Entry = MCARSpec()
    columns: Mapping[str, Entry] = {}

    @override
    def to_mapping(self) -> dict[str, Any]:
        columns = {name: spec.to_mapping() for name, spec in self.columns.items()}
        return super().to_mapping() | {"columns": columns}

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        """Build a process for each group of columns with equal settings.

        Raises:
            ParameterError: a named column isn't in the table, or a process isn't separable.
        """
        if self.columns and features is None:
            raise ParameterError("by_column: building it takes the columns' names")
        names = features.names if features is not None else ()
        known = set(names)
        for name in self.columns:
            if name not in known:
                raise ParameterError(f"by_column: columns: no column {name!r}{suggest(name, names)}")
        specs: list[ProcessSpec] = []
        groups: list[list[int]] = []
        selected: dict[int, SelectionSpec] = {}
        for j in columns.tolist():
            spec = self.columns.get(names[j], self.default) if names else self.default
            if isinstance(spec, SelectionSpec):
                selected[j] = spec
                continue
            if spec not in specs:
                specs.append(spec)
                groups.append([])
            groups[specs.index(spec)].append(j)
        parts: list[MissingProcess] = []
        if selected:
            own = columns.new_tensor(list(selected))
            parts.append(build_selection(own, [*selected.values()], self._together(), x, s, features))
        for spec, group in zip(specs, groups, strict=True):
            part = spec.build(columns.new_tensor(group), x, s, features)
            if not isinstance(part, SeparableProcess | IgnorableProcess | SelectionProcess):
                raise ParameterError(
                    f"by_column: {spec.kind} isn't separable: it takes the whole row, not one column"
                )
            parts.append(part)
        return ByColumnProcess(columns, parts)

    def _together(self) -> list[str]:
        """Name the groups of columns whose gaps come together, whichever columns are built."""
        specs = (self.default, *self.columns.values())
        names = {each.together for each in specs if isinstance(each, SelectionSpec)}
        return sorted(name for name in names if name is not None)

    @override
    def starts(self) -> list[ProcessSpec]:
        default, columns = self.default.starts(), {name: spec.starts() for name, spec in self.columns.items()}
        most = max(map(len, [default, *columns.values()]))
        return [
            self.model_copy(
                update={
                    "default": default[min(start, len(default) - 1)],
                    "columns": {name: specs[min(start, len(specs) - 1)] for name, specs in columns.items()},
                }
            )
            for start in range(most)
        ]


class ByColumnProcess(MissingProcess):
    """Processes side by side, each of some columns.

    Arguments:
        columns: Indices of all features that can be missing, `[C]`.
        parts: Processes, which together have these columns.
    """

    def __init__(self, columns: Tensor, parts: list[MissingProcess]) -> None:
        super().__init__(columns)
        self.parts = nn.ModuleList(parts)
        self.latents = max((part.latents for part in parts), default=0)

    def processes(self) -> list[MissingProcess]:
        """List the processes."""
        return cast(list[MissingProcess], list(self.parts))

    @override
    def forward(
        self, px: Likelihood, x: Tensor, s: Tensor, generator: torch.Generator, w: Tensor | None = None
    ) -> Missing:
        parts: list[tuple[Tensor, Missing]] = [
            (part.columns, part(px, x, s, generator, w)) for part in self.processes()
        ]
        log_prob = sum((part.log_prob for _, part in parts), start=x.new_zeros(()))
        return ByColumnMissing(px, parts, log_prob)

    @override
    def missing_probability(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        return sum((part.missing_probability(x, w) for part in self.processes()), start=torch.zeros_like(x))

    @override
    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        parts = enumerate(self.processes())
        return {f"parts.{n}.{name}": limits for n, part in parts for name, limits in part.limits().items()}

    @override
    def log_prior(self, parameters: Mapping[str, Tensor]) -> Tensor | float:
        found: Tensor | float = 0.0
        for n, part in enumerate(self.processes()):
            head = f"parts.{n}."
            own = {name.removeprefix(head): parameters[name] for name in parameters if name.startswith(head)}
            found = found + part.log_prior(own)
        return found

    @override
    def learnt(self) -> list[dict[str, Any]]:
        learnt = [column for part in self.processes() for column in part.learnt()]
        return sorted(learnt, key=lambda column: column["column"])


@dataclass(frozen=True)
class ByColumnMissing(Missing):
    """Missing values of columns with different processes.

    Attributes:
        px: Law of complete rows given z, p(x | z), `[K, B, D]`.
        parts: Pairs of a process's columns and what it says of their missing values.
        log_prob: Log-probability of the mask, `log p(s | x_o, z)`, `[K, B]`.
    """

    px: Likelihood
    parts: list[tuple[Tensor, Missing]]
    log_prob: Tensor

    @override
    def average(self, alpha: Tensor, shape: Shape | None = None) -> Tensor:
        by_part = [part.average(alpha, shape) for _, part in self.parts]
        none = torch.zeros(0, dtype=torch.long, device=alpha.device)
        columns = torch.cat([none, *(columns for columns, _ in self.parts)])
        return self._joined(average_beside(self.px, columns, alpha, shape), by_part)

    @override
    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        ignorable = self.px.pick(chosen).sample(generator)
        return self._joined(ignorable, [part.sample(chosen, generator) for _, part in self.parts])

    @override
    def by_feature(self) -> Tensor:
        return sum((part.by_feature() for _, part in self.parts), start=torch.zeros_like(self.px.mean))

    def _joined(self, values: Tensor, by_part: list[Tensor]) -> Tensor:
        """Put each part's values of its own columns in their places."""
        for (columns, _), part in zip(self.parts, by_part, strict=True):
            values = values.index_copy(-1, columns, part.index_select(-1, columns))
        return values


def build_process(
    spec: ProcessSpec,
    observation: ObservationSpec,
    columns: Tensor,
    x: Tensor,
    s: Tensor,
    names: Sequence[str],
) -> MissingProcess:
    """Build the process over some features; a separable one takes each kind of column by itself.

    So its integrals are closed forms for real values and sums for codes, whatever stands beside them.

    Arguments:
        spec: Settings of the process.
        observation: Observation model, which says of which kind a column is.
        columns: Indices of the features that can be missing, `[C]`.
        x: Standardised rows `[N, D]`, zero where missing.
        s: Mask `[N, D]`, 1 where observed.
        names: Names of all D features.
    """
    codes = observation.codes(x.shape[-1])
    features = Features(tuple(names), tuple(codes), tuple(columns.tolist()))
    process = spec.build(columns, x, s, features)
    kinds = (columns.new_tensor(kind) for kind in observation.groups(x.shape[-1]))
    groups = [group for group in (columns[torch.isin(columns, kind)] for kind in kinds) if len(group)]
    if len(groups) < 2 or not isinstance(process, SeparableProcess | SelectionProcess | ByColumnProcess):
        return process
    parts: list[MissingProcess] = []
    for group in groups:
        part = spec.build(group, x, s, features)
        parts += part.processes() if isinstance(part, ByColumnProcess) else [part]
    return ByColumnProcess(columns, parts)
