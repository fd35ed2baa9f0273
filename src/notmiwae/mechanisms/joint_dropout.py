"""Gaps that come together: one coin decides over a row's values of a group of columns (MNAR)."""

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field
from typing_extensions import override

from notmiwae.arrays import Floats, Mask
from notmiwae.mechanisms.mechanism import Names, mechanisms
from notmiwae.mechanisms.self_masking_mechanism import SelfMaskingLogistic


@mechanisms.register("joint_dropout")
class JointDropout(SelfMaskingLogistic):
    r"""Self-masking with one coin a row and group: $s_{nj} = 0$ where $v_{ng} < p_{nj}$, $v$ uniform.

    Each cell's probability $p_{nj}$ is that of `self_masking_logistic`, but the cells of a group share a
    coin, so that they are missing together more often than their values explain: a failed run, an absent
    patient, a peptide that didn't ionise.

    Attributes:
        groups: Groups of columns that share a coin; null: one group of all columns that can lose values.
            A column in no group has a coin of its own.
    """

    groups: Annotated[tuple[Names, ...], Field(min_length=1)] | None = None

    @override
    def missing(self, table: pd.DataFrame, generator: np.random.Generator) -> Mask:
        coins = generator.random(table.shape)
        for group in self._groups(table.columns):
            coins[:, group] = coins[:, group[:1]]
        return coins < self.probability(table)

    @override
    def log_likelihood(self, missing: Mask, probability: Floats, columns: pd.Index) -> Floats:
        r"""Compute log p(s | x); of a group $\log (\min_{missing} p - \max_{observed} p)$, by its coin."""
        total = np.zeros(len(missing))
        alone = np.ones(len(columns), dtype=bool)
        for group in self._groups(columns):
            own, gone = probability[:, group], missing[:, group]
            share = np.where(gone, own, 1.0).min(axis=1) - np.where(gone, 0.0, own).max(axis=1)
            with np.errstate(divide="ignore"):
                total += np.log(share.clip(min=0.0))
            alone[group] = False
        return total + super().log_likelihood(missing[:, alone], probability[:, alone], columns[alone])

    def _groups(self, columns: pd.Index) -> list[list[int]]:
        named = self.groups or (tuple(self.targets(pd.DataFrame(columns=columns))),)
        return [list(columns.get_indexer(pd.Index(group))) for group in named]
