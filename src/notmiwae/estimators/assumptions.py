"""Assumptions on why values are missing, in plain words, and what the model makes of them."""

from collections.abc import Mapping, Sequence

from notmiwae.errors import ParameterError
from notmiwae.estimators.column_kinds import by_name
from notmiwae.estimators.columns import Column
from notmiwae.model.missing_process.agnostic import AgnosticNonlinearSpec
from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.edges import EdgeSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.interval import IntervalSpec
from notmiwae.model.missing_process.mcar import MCARSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.missing_process.self_masking import SelfMaskingSpec
from notmiwae.model.missing_process.two_sided import TwoSidedSpec
from notmiwae.specs import suggest

ASSUMPTIONS: dict[str, ProcessSpec] = {
    "high": SelfMaskingSpec(direction="high"),
    "low": SelfMaskingSpec(direction="low"),
    "unknown": SelfMaskingSpec(direction="unknown"),
    "extreme": TwoSidedSpec(),
    "middle": IntervalSpec(),
    "anything": AgnosticNonlinearSpec(),
    "mar": IgnorableSpec(),
    "mcar": MCARSpec(),
}
"""What a user may say of a column, or of all:

- `high`, `low`: higher (lower) values go missing; `unknown`: one of the two, for each column the one of the
  higher held-out bound, which can't tell that neither holds (see `UNKNOWN`);
- `extreme`: both ends; `middle`: what lies between;
- `anything`: missingness may depend on all values of the row, seen or not; of a whole table only;
- `mar`: given what is seen, missingness says nothing of the values; `mcar`: it depends on nothing at all.
"""

NO_ASSUMPTION = (
    "no assumption given on why values are missing: they are imputed as missing at random ('mar'), which is "
    "wrong where a value itself decides whether it is seen; see docs/assumptions.md"
)
"""What is said where nothing was."""
UNKNOWN = (
    "'unknown' looks for the direction and takes for granted that a column's own values decide whether they "
    "are seen: it can't tell that they are missing at random, and then imputes far worse than 'mar'; see "
    "docs/assumptions.md"
)
"""What is said of `unknown`: on Gaussian tables missing at random it had RMSE 3.0 and 4.6, MICE 0.75."""

Assumption = str | ProcessSpec | Mapping[str, str | ProcessSpec]
"""A word of `ASSUMPTIONS`, a `ProcessSpec`, or either of them by column; what isn't named is `mar`."""


def missing_process(assumption: Assumption, columns: Sequence[Column]) -> ProcessSpec:
    """Return the missing process that an assumption stands for.

    Categories without an order have no high and no low: said of the whole table, it isn't said of them.

    Arguments:
        assumption: Assumption on why values are missing.
        columns: Columns of the table.

    Raises:
        ParameterError: an unknown word or column, a column that is to depend on the whole row, or more or
            less of categories that have no order.
    """
    unordered = {column.name for column in columns if not column.ordered}
    if not isinstance(assumption, Mapping):
        process = _process(assumption, "missing_process")
        if not unordered or not isinstance(process, EdgeSpec):
            return process
        return ByColumnSpec(default=process, columns=dict.fromkeys(sorted(unordered), ASSUMPTIONS["mar"]))
    said_of = by_name("missing_process", assumption, [column.name for column in columns])
    by_column = {name: _process(each, f"missing_process: {name}") for name, each in said_of.items()}
    for name, process in by_column.items():
        said = f"missing_process: {name}: {said_of[name]!r}"
        if isinstance(process, AgnosticNonlinearSpec):
            raise ParameterError(f"{said} is of a whole table; say it instead of a mapping")
        if name in unordered and isinstance(process, EdgeSpec):
            raise ParameterError(f"{said}: its categories have no order; accepted: 'mar', 'mcar'")
    return ByColumnSpec(default=ASSUMPTIONS["mar"], columns=by_column)


def _process(assumption: str | ProcessSpec, where: str) -> ProcessSpec:
    if isinstance(assumption, ProcessSpec):
        return assumption
    if not isinstance(assumption, str) or assumption not in ASSUMPTIONS:
        raise ParameterError(f"{where}: unknown assumption {assumption!r}{suggest(assumption, ASSUMPTIONS)}")
    return ASSUMPTIONS[assumption]
