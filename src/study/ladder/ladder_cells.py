"""A cell of the ladder: a masked table to impute, what may be known of it, and which cells count."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from typing_extensions import override

from notmiwae.arrays import Floats, Mask
from notmiwae.mechanisms.mechanism import Mechanism
from notmiwae.specs import Spec
from study.data.sources.source import Source
from study.data.sources.spike_in import SpikeIn
from study.data.tables import find_table, read_table
from study.ladder.rungs import LIMIT, LadderSpec, Limits, RungSpec, Said, TableSpec
from study.run.pipeline import COMPLETE, MASKED

SPIKE_IN = "spikein"
"""Name of the data set of really missing cells."""


@dataclass(frozen=True)
class Task:
    """A masked table to impute, and what may be known of it.

    Attributes:
        masked: Table `[N, D]`, NaN where missing.
        complete: True table, for methods that know what nobody knows; NaN where nobody knows it.
        units: Unit of each column in which errors are measured, `[D]`.
        codes: Numbers of codes of the columns that hold categories.
        words: Right word for each column that lost values.
        said: What can be said of them beyond a word; None: nothing.
        limits: Lowest and highest value of the columns that have limits, by name.
        source: Source of the complete table.
        mechanism: Mechanism by which values went missing; None where nobody knows.
        seed: Seed of all that is random in the method.
        draws: Number of draws asked for.
    """

    masked: pd.DataFrame
    complete: pd.DataFrame
    units: Floats
    codes: Mapping[str, int]
    words: Mapping[str, str]
    said: Said | None
    limits: Mapping[str, Limits]
    source: Source
    mechanism: Mechanism | None
    seed: int
    draws: int


@dataclass(frozen=True)
class Completed:
    """What a method made of a table.

    Attributes:
        mean: Completed table, `[N, D]`.
        draws: Completed tables drawn from the distribution of the missing values, `[M, N, D]`; M may be 0.
    """

    mean: Floats
    draws: Floats


@dataclass(frozen=True)
class Cell(ABC):
    """A table under a mechanism, in one replicate.

    Attributes:
        dataset: Name of the table.
        mechanism: Name of the mechanism.
        replicate: Number of the replicate.
    """

    dataset: str
    mechanism: str
    replicate: int

    @property
    @abstractmethod
    def source(self) -> Source:
        """Source of the complete table."""

    @property
    @abstractmethod
    def described(self) -> bool:
        """Tell whether more than a word can be said of it."""

    @abstractmethod
    def inputs(self) -> Sequence[Path | Spec]:
        """List what the cell is made from."""

    @abstractmethod
    def task(self, seed: int, draws: int) -> Task:
        """Read the tables.

        Arguments:
            seed: Seed of all that is random in the method.
            draws: Number of draws to ask for.
        """

    def parts(self) -> Mapping[str, Mask | None]:
        """Return the rows that count for each mechanism's name in the results; None: all."""
        return {self.mechanism: None}

    def own_metrics(self, task: Task, completed: Completed, rows: Mask | None) -> dict[str, float]:
        """Compute metrics that this cell alone has; usually there are none."""
        return {}


@dataclass(frozen=True)
class RungCell(Cell):
    """A table of which values went missing by a rung's mechanism.

    Attributes:
        table: Table.
        rung: Mechanism.
    """

    table: TableSpec
    rung: RungSpec

    @property
    @override
    def source(self) -> Source:
        return self.table.source

    @property
    @override
    def described(self) -> bool:
        return self.rung.described is not None

    @override
    def inputs(self) -> Sequence[Path | Spec]:
        return self.table, self.rung, find_table(self._masked, self.replicate)

    @property
    def _masked(self) -> Path:
        return MASKED / self.mechanism / self.dataset

    @override
    def task(self, seed: int, draws: int) -> Task:
        masked, complete = (
            read_table(self._masked, self.replicate),
            read_table(COMPLETE / self.dataset, self.replicate),
        )
        if self.rung.limit:
            complete = complete.assign(**{LIMIT: masked[LIMIT]})
        mechanism = self.rung.built(self.table, list(complete.columns))
        gaps = [name for name in masked.columns if masked[name].isna().any()]
        units = complete.to_numpy(dtype=np.float64).std(axis=0)
        codes, words = self.source.codes(), self.rung.words(gaps)
        said = self.rung.describe(gaps, mechanism)
        bounded = [name for name in masked.columns if name not in (*codes, LIMIT)]
        limits = dict.fromkeys(bounded, self.table.limits) if self.table.limits != (None, None) else {}
        return Task(masked, complete, units, codes, words, said, limits, self.source, mechanism, seed, draws)


@dataclass(frozen=True)
class SpikeInCell(Cell):
    """Peptides spiked in at known amounts, and a constant background.

    Attributes:
        spikein: Source.
    """

    spikein: SpikeIn

    @property
    @override
    def source(self) -> Source:
        return self.spikein

    @property
    @override
    def described(self) -> bool:
        return True

    @override
    def inputs(self) -> Sequence[Path | Spec]:
        return self.spikein, self.spikein.file

    @override
    def task(self, seed: int, draws: int) -> Task:
        masked = self.spikein.read()
        words = dict.fromkeys(masked.columns[masked.isna().any()], "low")
        # Runs of one amount lose the same peptides.
        said = Said(words, groups={"low": [name for name in self.spikein.low if name in words]})
        # Errors are in the data's own unit: a doubling of the amount.
        units = np.ones(masked.shape[1])
        return Task(masked, self.spikein.truth(), units, {}, words, said, {}, self.spikein, None, seed, draws)

    @override
    def parts(self) -> Mapping[str, Mask | None]:
        spiked = self.spikein.is_spiked().to_numpy()
        return {"natural_spiked": spiked, "natural_background": ~spiked}

    @override
    def own_metrics(self, task: Task, completed: Completed, rows: Mask | None) -> dict[str, float]:
        """Compute `fold_change`, the mean of low less high of rows with a gap; nominally −1, and 0 beside."""
        table = task.masked
        gaps = table[list(self.spikein.low)].isna().any(axis=1).to_numpy()
        chosen = gaps if rows is None else gaps & rows
        columns = (
            table.columns.get_indexer(pd.Index(self.spikein.low)),
            table.columns.get_indexer(pd.Index(self.spikein.high)),
        )
        low, high = (completed.mean[np.ix_(chosen, places)].mean() for places in columns)
        return {"fold_change": float(low - high)}


def cells(ladder: LadderSpec) -> Iterator[Cell]:
    """List the ladder's cells, by replicate."""
    for replicate in range(ladder.replicates):
        for rung, name in ladder.pairs():
            yield RungCell(name, rung, replicate, ladder.tables[name], ladder.rungs[rung])
        if ladder.spikein is not None:
            yield SpikeInCell(SPIKE_IN, "natural", replicate, ladder.spikein)
