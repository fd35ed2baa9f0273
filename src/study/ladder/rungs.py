"""What the ladder is made of: tables, rungs (mechanisms), and the cells where one meets the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field, FiniteFloat, PositiveInt

from notmiwae.errors import ParameterError
from notmiwae.mechanisms.mechanism import Mechanism, Names, mechanisms
from notmiwae.randomness import generator
from notmiwae.specs import Spec, parse_entry, suggest
from study.data.sources.correlated_gaussian import CorrelatedGaussian
from study.data.sources.source import Source, sources
from study.data.sources.spike_in import SpikeIn

LIMIT = "limit"
"""Column of the rows' limits, beside the table's own where a rung asks for it."""
ALTERNATE = "alternate"
"""Word told of a rung whose columns lose high and low values in turn."""


Limits = tuple[float | None, float | None]


class TableSpec(Spec):
    """A table of the ladder, an entry of `ladder.tables`.

    Attributes:
        source: Source of the complete table.
        losing: Columns that lose values: their names, or how many of the first ones.
        rows: Number of rows drawn at random for each replicate, where the source has more; null: all.
        lowest: Lowest value that its columns can have, as somebody knows who has such a table; null where
            there is none.
        highest: Highest one, likewise.
    """

    source: Annotated[Source, BeforeValidator(sources.parse)]
    losing: PositiveInt | Names
    rows: PositiveInt | None = None
    lowest: FiniteFloat | None = None
    highest: FiniteFloat | None = None

    @property
    def limits(self) -> Limits:
        """Lowest and highest value of its columns."""
        return self.lowest, self.highest

    def draw(self, seed: int, name: str, replicate: int) -> pd.DataFrame:
        """Draw a replicate of the complete table."""
        number = 0 if self.source.fixed else replicate
        table = self.source.draw(generator(seed, "generate", name, number))
        if self.rows is None or self.rows >= len(table):
            return table
        rows = generator(seed, "rows", name, replicate).choice(len(table), self.rows, replace=False)
        return table.iloc[np.sort(rows)].reset_index(drop=True)

    def losing_columns(self, columns: list[str]) -> list[str]:
        """List the names of the columns that lose values.

        Raises:
            ParameterError: a name isn't the table's, or no column stays complete.
        """
        if isinstance(self.losing, int):
            if self.losing >= len(columns):
                raise ParameterError(
                    f"losing: found {self.losing} of {len(columns)} columns; accepted: fewer"
                )
            return columns[: self.losing]
        for name in self.losing:
            if name not in columns:
                raise ParameterError(f"losing: no column {name!r}{suggest(name, columns)}")
        return list(self.losing)


class DescribedSpec(Spec):
    """What a user who knows a rung's mechanism says of the columns that lose values, beyond a word.

    Attributes:
        word: Word of the columns; null: the one that is told.
        given: Whether what decides beside the value is named: the mechanism's `given` columns, or the column
            of the rows' limits.
        at_random: Whether a share is said to be missing whatever the value.
        together: Whether the columns are said to lose values together.
    """

    word: str | None = None
    given: bool = False
    at_random: bool = False
    together: bool = False


@dataclass(frozen=True)
class Said:
    """What the project's estimator is told of a table, beyond a word a column.

    Attributes:
        words: Word of each column that loses values.
        given: Columns that decide too.
        at_random: Whether a share is missing whatever the value.
        groups: Columns that lose values together, by the name of the group.
    """

    words: Mapping[str, str]
    given: Sequence[str] = ()
    at_random: bool = False
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)


class RungSpec(Spec):
    """A mechanism of the ladder, an entry of `ladder.rungs`.

    Attributes:
        mechanism: Entry of a mechanism, without `columns` where those of the table lose values; its `given`
            may be a number: that many of the columns that stay complete.
        told: Word that is right for the columns that lose values, `alternate` for `high` and `low` in turn.
        tables: Names of the tables that it fits; or `all`, or those of `numbers` alone, or those whose law is
            `known` (`correlated_gaussian`).
        described: What can be said beyond the word; null: nothing.
        limit: Whether each row has a limit of its own, a further column that all imputers see.
    """

    mechanism: Mapping[str, Any]
    told: str
    tables: Literal["all", "numbers", "known"] | Names
    described: DescribedSpec | None = None
    limit: bool = False

    def built(self, table: TableSpec, columns: list[str]) -> Mechanism:
        """Build the mechanism for a table with these columns."""
        entry = dict(self.mechanism)
        losing = table.losing_columns([name for name in columns if name != LIMIT])
        losing = list(entry.setdefault("columns", losing))
        if isinstance(entry.get("given"), int):
            codes = table.source.codes()
            complete = [name for name in columns if name not in (*losing, *codes, LIMIT)]
            entry["given"] = complete[: entry["given"]]
        if self.limit:
            entry["limit"] = LIMIT
        return parse_entry(mechanisms, entry, "mechanism")

    def words(self, columns: list[str]) -> dict[str, str]:
        """Return the word that is right for each of the columns that lose values."""
        if self.told == ALTERNATE:
            return {name: ("high", "low")[place % 2] for place, name in enumerate(columns)}
        return dict.fromkeys(columns, self.told)

    def describe(self, columns: list[str], mechanism: Mechanism) -> Said | None:
        """Return what can be said beyond a word of the columns that lose values; None if nothing.

        Arguments:
            columns: Columns that lose values.
            mechanism: What `built` returned.
        """
        said = self.described
        if said is None:
            return None
        given = [LIMIT] if self.limit else list(getattr(mechanism, "given", ()))
        words = dict.fromkeys(columns, said.word or self.told)
        groups = {"group": columns} if said.together else {}
        return Said(words, given if said.given else (), said.at_random, groups)


def _spikein(entry: Any) -> Any:
    return None if entry is None else sources.parse(entry)


class RunSpec(Spec):
    """What is run, the section `ladder.run`.

    Attributes:
        estimators: Names of entries of `ladder.estimators`.
        methods: Names of entries of `ladder.methods`.
    """

    estimators: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    def all(self) -> list[str]:
        """List all names, as results have them."""
        return [*self.estimators, *self.methods]


class LadderSpec(Spec):
    """The section `ladder` of params.yaml.

    Attributes:
        replicates: Number of tables and masks of each cell.
        draws: Number of multiple imputations.
        tables: Tables by name.
        rungs: Mechanisms by name.
        run: What is run.
        estimators: Entries of the package's own imputer, by name.
        methods: Entries of other methods, by name.
        spikein: Table whose cells are really missing; null leaves it out.
    """

    replicates: PositiveInt
    draws: Annotated[int, Field(ge=2)]
    tables: dict[str, TableSpec]
    rungs: dict[str, RungSpec]
    run: RunSpec
    estimators: dict[str, Mapping[str, Any]]
    methods: dict[str, Mapping[str, Any]]
    spikein: Annotated[SpikeIn | None, BeforeValidator(_spikein)] = None

    def pairs(self) -> Iterator[tuple[str, str]]:
        """List the names of each rung and of each table that it fits.

        Raises:
            ParameterError: a rung names a table that isn't there.
        """
        groups = {
            "all": tuple(self.tables),
            "numbers": tuple(name for name, table in self.tables.items() if not table.source.codes()),
            "known": tuple(
                name for name, table in self.tables.items() if isinstance(table.source, CorrelatedGaussian)
            ),
        }
        for rung, spec in self.rungs.items():
            for table in groups[spec.tables] if isinstance(spec.tables, str) else spec.tables:
                if table not in self.tables:
                    raise ParameterError(
                        f"ladder.rungs.{rung}: no table {table!r}{suggest(table, self.tables)}"
                    )
                yield rung, table
