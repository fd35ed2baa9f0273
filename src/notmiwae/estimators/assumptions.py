"""Assumptions on why values are missing, in plain words, and what the model makes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from notmiwae.errors import ParameterError
from notmiwae.estimators.choice import AT_RANDOM, Decided
from notmiwae.estimators.column_kinds import by_name
from notmiwae.estimators.column_processes import AutoSpec
from notmiwae.estimators.columns import Column
from notmiwae.estimators.missing import TOGETHER, Missing
from notmiwae.model.missing_process.agnostic import AgnosticNonlinearSpec
from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.edges import EdgeSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.interval import IntervalSpec
from notmiwae.model.missing_process.mcar import MCARSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.missing_process.selection_model import PERHAPS, SelectionSpec
from notmiwae.model.missing_process.self_masking import SelfMaskingSpec
from notmiwae.model.missing_process.two_sided import TwoSidedSpec
from notmiwae.specs import suggest

ASSUMPTIONS: dict[str, ProcessSpec] = {
    "auto": AutoSpec(),
    "high": Missing("high").process(),
    "low": Missing("low").process(),
    "unknown": Missing("unknown").process(),
    "extreme": TwoSidedSpec(),
    "middle": IntervalSpec(),
    "anything": AgnosticNonlinearSpec(),
    "mar": IgnorableSpec(),
    "mcar": MCARSpec(),
    "category": SelectionSpec(direction="code"),
}
"""What a user may say of a column, or of all:

- `auto`: `mar`, `high` or `low`, for each column what foretells held-out rows best (`choice.py`);
- `high`, `low`: higher (lower) values go missing; `unknown`: one of the two, for each column the one of the
  higher held-out bound, which can't tell that neither holds (see `UNKNOWN`). Complete columns may decide too
  as far as the data ask for it, and gaps of these columns may have one cause (`Missing`, `groups`);
- `extreme`: both ends; `middle`: what lies between;
- `anything`: missingness may depend on all values of the row, seen or not; of a whole table only;
- `mar`: given what is seen, missingness says nothing of the values; `mcar`: it depends on nothing at all;
- `category`: each category goes missing at a rate of its own; of columns of categories.
"""
Groups = Mapping[str, Sequence[str]]
"""Columns whose gaps come together in a row, by the name of their group."""

AUTO = "auto"
"""Word that is taken where none is said."""
UNKNOWN = (
    "'unknown' looks for the direction and takes for granted that a column's own values decide whether they "
    "are seen: it can't tell that they are missing at random, and then imputes far worse than 'mar'; see "
    "docs/assumptions.md"
)
"""What is said of `unknown`: on a Gaussian table missing at random it had RMSE 0.98, and 3.0 to 4.6 if no
complete column may decide too, where MICE has 0.75."""


def chosen(decided: Sequence[Decided]) -> str:
    """Word what was taken where evidence decided."""
    taken = [
        f"{name} {word} ({choice.members.count(place)} of {len(choice.members)} models)"
        for choice in decided
        for name in choice.columns
        for place, word in enumerate(choice.words)
        if word != AT_RANDOM and place in choice.members
    ]
    found = ", ".join(taken) if taken else "nothing"
    return (
        f"'auto': what foretells held-out rows better than missing at random: {found}; all else is imputed "
        "as missing at random ('mar'). Rows can mislead, and needn't show what holds: say what you know, see "
        "docs/assumptions.md"
    )


Assumption = str | Missing | ProcessSpec | Mapping[str, str | Missing | ProcessSpec]
"""A word of `ASSUMPTIONS`, a `Missing`, a `ProcessSpec`, or any of them by column; the others are `mar`."""


def missing_process(
    assumption: Assumption, columns: Sequence[Column], groups: Groups | None = None
) -> ProcessSpec:
    """Return the missing process that an assumption stands for.

    Categories without an order have no high and no low, and numbers no rates by category: said of the whole
    table, it isn't said of them.

    Arguments:
        assumption: Assumption on why values are missing.
        columns: Columns of the table.
        groups: Columns whose gaps come together.

    Raises:
        ParameterError: an unknown word or column, a column that is to depend on the whole row, a word that
            fits no column, a column in two groups, or one whose process takes no group.
    """
    process = _of_columns(assumption, columns)
    return process if groups is None else together(apart(process), columns, groups)


def apart(process: ProcessSpec) -> ProcessSpec:
    """Take the gaps of all columns for independent, given the values."""
    if isinstance(process, ByColumnSpec):
        columns = {name: apart(own) for name, own in process.columns.items()}
        return process.model_copy(update={"default": apart(process.default), "columns": columns})
    if isinstance(process, SelectionSpec | AutoSpec):
        return process.model_copy(update={"together": None})
    return process


def trimmed(process: ProcessSpec, names: Sequence[str], gaps: Sequence[str]) -> ProcessSpec:
    """Leave out drivers where no column is complete, and a common cause of one column's gaps.

    Arguments:
        process: Missing process that is assumed.
        names: Names of the columns.
        gaps: Names of those with missing values.
    """
    said = process.columns if isinstance(process, ByColumnSpec) else {}
    default = process.default if isinstance(process, ByColumnSpec) else process
    by_column = [said.get(name, default) for name in gaps]
    alone = sum(getattr(each, "together", None) == TOGETHER for each in by_column) < 2

    def own(spec: ProcessSpec) -> ProcessSpec:
        if not isinstance(spec, SelectionSpec):
            return spec
        changed: dict[str, Any] = {"given": ()} if spec.given == PERHAPS and len(gaps) == len(names) else {}
        changed |= {"together": None} if alone and spec.together == TOGETHER else {}
        return spec.model_copy(update=changed)

    if not isinstance(process, ByColumnSpec):
        return own(process)
    columns = {name: own(spec) for name, spec in said.items()}
    return process.model_copy(update={"default": own(default), "columns": columns})


def _of_columns(assumption: Assumption, columns: Sequence[Column]) -> ProcessSpec:
    unordered = {column.name for column in columns if not column.ordered}
    if not isinstance(assumption, Mapping):
        process = _process(assumption, "missing_process")
        unfit = {column.name for column in columns if _misfit(process, column)}
        if not unfit:
            return process
        if len(unfit) == len(columns) and not isinstance(process, AutoSpec):
            raise ParameterError(f"missing_process: {assumption!r} is said of no column of this table")
        return ByColumnSpec(default=process, columns=dict.fromkeys(sorted(unfit), ASSUMPTIONS["mar"]))
    said_of = by_name("missing_process", assumption, [column.name for column in columns])
    by_column = {name: _process(each, f"missing_process: {name}") for name, each in said_of.items()}
    described = {column.name: column for column in columns}
    for name, process in by_column.items():
        said = f"missing_process: {name}: {said_of[name]!r}"
        if isinstance(process, AgnosticNonlinearSpec):
            raise ParameterError(f"{said} is of a whole table; say it instead of a mapping")
        if _misfit(process, described[name]):
            if name in unordered:
                raise ParameterError(
                    f"{said}: its categories have no order; accepted: 'mar', 'mcar', 'category'"
                )
            raise ParameterError(f"{said}: it has no categories without an order; accepted: 'high', 'low'")
    return ByColumnSpec(default=ASSUMPTIONS["mar"], columns=by_column)


def together(process: ProcessSpec, columns: Sequence[Column], groups: Groups) -> ByColumnSpec:
    """Let gaps of columns come together in a row.

    Arguments:
        process: Missing process that is assumed.
        columns: Columns of the table.
        groups: Columns by the name of their group.

    Raises:
        ParameterError: no such column, one in two groups, or one whose process takes no group.
    """
    names = [column.name for column in columns]
    by_column = dict(process.columns) if isinstance(process, ByColumnSpec) else {}
    default = process.default if isinstance(process, ByColumnSpec) else process
    of: dict[str, str] = {}
    for group, members in groups.items():
        if isinstance(members, str) or not isinstance(members, Sequence):
            raise ParameterError(f"groups: {group}: found {members!r}; accepted: a list of columns")
        for name in map(str, members):
            if name not in names:
                raise ParameterError(f"groups: {group}: no column {name!r}{suggest(name, names)}")
            if name in of:
                raise ParameterError(
                    f"groups: column {name!r} is in {of[name]} and in {group}; accepted: one"
                )
            of[name] = group
            by_column[name] = _in_group(by_column.get(name, default), name, str(group))
    return ByColumnSpec(default=default, columns=by_column)


def _in_group(process: ProcessSpec, name: str, group: str) -> SelectionSpec | AutoSpec:
    """Return a column's process with the latent of its group."""
    if isinstance(process, IgnorableSpec | MCARSpec):
        process = SelectionSpec(direction="none")
    elif isinstance(process, SelfMaskingSpec) and process.link == "probit" and process.known is None:
        process = SelectionSpec(direction=process.direction)
    if not isinstance(process, SelectionSpec | AutoSpec):
        raise ParameterError(
            f"groups: {group}: column {name!r}: {process.kind} takes no group; accepted: auto, high, low, "
            "unknown, mar, mcar, category"
        )
    return process.model_copy(update={"together": group})


def _misfit(process: ProcessSpec, column: Column) -> bool:
    """Tell whether a process takes an order that a column hasn't, or codes."""
    if isinstance(process, SelectionSpec):
        if process.direction == "code":
            return column.ordered
        return not column.ordered and process.direction != "none"
    if isinstance(process, AutoSpec):
        return bool(column.values)
    return isinstance(process, EdgeSpec) and not column.ordered


def _process(assumption: str | Missing | ProcessSpec, where: str) -> ProcessSpec:
    if isinstance(assumption, ProcessSpec):
        return assumption
    if isinstance(assumption, Missing):
        return assumption.process()
    if not isinstance(assumption, str) or assumption not in ASSUMPTIONS:
        raise ParameterError(f"{where}: unknown assumption {assumption!r}{suggest(assumption, ASSUMPTIONS)}")
    return ASSUMPTIONS[assumption]
