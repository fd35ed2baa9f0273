"""Values missing completely at random: a rate for each feature."""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from typing_extensions import override

from notmiwae.model.distributions import Likelihood
from notmiwae.model.missing_process.missing_process import (
    Conditional,
    Features,
    MissingProcess,
    ProcessSpec,
    processes,
)
from notmiwae.model.missing_process.separable import SeparableProcess, UnconditionedColumns


@processes.register("mcar")
class MCARSpec(ProcessSpec):
    """`p(s_j = 0) = r_j`, a learnt rate for each feature: missing completely at random (Rubin 1976)."""

    @override
    def build(
        self, columns: Tensor, x: Tensor, s: Tensor, features: Features | None = None
    ) -> MissingProcess:
        """Build a process whose rates are at first those of the table."""
        missing = (1.0 - s.index_select(-1, columns)).sum(0)
        # Half a cell more of either, so that no rate is 0 or 1 at first.
        return MCARProcess(columns, (missing + 0.5) / (len(s) + 1.0))


class MCARProcess(SeparableProcess):
    """A learnt rate of missing values for each feature, whatever the value."""

    def __init__(self, columns: Tensor, rate: Tensor) -> None:
        super().__init__(columns)
        self.logit = nn.Parameter(rate.logit())

    @override
    def log_missing(self, x: Tensor) -> Tensor:
        return logsigmoid(self.logit).expand(x.shape)

    @override
    def log_observed(self, x: Tensor) -> Tensor:
        return logsigmoid(-self.logit).expand(x.shape)

    @override
    def conditional(self, px: Likelihood) -> Conditional:
        """Leave p(x_j | z) as it is: a rate says nothing of the values."""
        return UnconditionedColumns(px, logsigmoid(self.logit))

    drawing = conditional

    @override
    def learnt(self) -> list[dict[str, Any]]:
        rates = self.logit.sigmoid().tolist()
        return [
            {"column": column, "rate": rate}
            for column, rate in zip(self.columns.tolist(), rates, strict=True)
        ]
