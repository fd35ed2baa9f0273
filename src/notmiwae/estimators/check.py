"""Posterior predictive checks of the gaps: does the fitted process make gaps as the table has them?

Each completed table gives masks drawn from `p(s | x)`. Where those differ from the table's own in how many
gaps a column has, how often gaps meet, or how they go with the value that the rest of the row lets expect,
the process is wrong (Gelman, Meng & Stern, Statistica Sinica 1996), which no bound tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.stats import norm

from notmiwae.arrays import Floats
from notmiwae.estimators.columns import Column
from notmiwae.estimators.evidence import expected, unexplained
from notmiwae.model.missing_process.agnostic import RowProcess
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import KnownCells

Masks = npt.NDArray[np.bool_]
_FIFTHS = ("lowest fifth", "second fifth", "middle fifth", "fourth fifth", "highest fifth")
_PAIRS = 20
_BADLY, _SHARE = 5.0, 0.2
"""Standard deviations, and share of what was expected, by which a check fails badly."""
_LEVEL = 0.01
_DISCRETE = 0.5
"""Variance added to that of a number of gaps, which may be the same in all masks."""


@dataclass(frozen=True)
class Check:
    """What became of each check.

    Attributes:
        table: A row for each check: `check` (gaps in a `column`, rows in which a `pair` is missing, `all` or
            `none` of the columns, or gaps in a fifth of the rows by the expected value), `columns`, the
            number that was `observed`, the mean `expected` by the process with the ends `lower` and `upper`
            of the 95 % of its masks, the `deviation` in standard deviations, and its two-sided `p_value`.
    """

    table: pd.DataFrame

    @property
    def failed(self) -> pd.DataFrame:
        """The checks that fail at a level of 0.01, shared among all of them (Holm)."""
        ordered = self.table.sort_values("p_value", kind="stable")
        left = np.arange(len(ordered), 0, -1)
        passes = (ordered["p_value"] * left > _LEVEL).to_numpy()
        count = int(passes.argmax()) if passes.any() else len(ordered)
        return ordered.head(count)

    @property
    def badly(self) -> pd.DataFrame:
        """The checks that fail by five standard deviations and a fifth of what was expected."""
        off = (self.table["observed"] - self.table["expected"]).abs()
        return self.table[(self.table["deviation"].abs() > _BADLY) & (off > _SHARE * self.table["expected"])]

    def words(self) -> str:
        """Say what fails, and what may be done."""
        if not len(self.table):
            return "Every column is taken as missing at random, which says nothing of gaps to be checked."
        failed = self.failed
        if not len(failed):
            return f"None of {len(self.table)} checks fails: the gaps look as the process makes them."
        worst = [sentence(row) for _, row in failed.head(3).iterrows()]
        return (
            f"{len(failed)} of {len(self.table)} checks fail: {'; '.join(worst)}. Gaps that meet too often "
            "call for `groups`; others for another word, what else decides (`given`), or `at_random`."
        )

    def __str__(self) -> str:
        shown = self.table.to_string(index=False, float_format="{:.3g}".format)
        return f"{shown}\n\n{self.words()}"

    def plot(self) -> Any:
        """Draw observed numbers of gaps against what the process makes of them, a row for each check."""
        return _figure(self.table)


def sentence(row: pd.Series) -> str:
    """Word a check."""
    told = {
        "column": "{columns} has {observed} gaps",
        "pair": "{columns} are both missing in {observed} rows",
        "all": "all of them are missing in {observed} rows",
        "none": "none of them is missing in {observed} rows",
    }
    fifth = "{columns} has {observed} gaps in the {check} of the rows by its expected value"
    text = told.get(row["check"], fifth).format(**row)
    return f"{text}, where {row['expected']:.0f} are expected"


def check(
    columns: Sequence[Column],
    members: Sequence[FittedModel],
    values: Floats,
    completed: Floats,
    seed: int,
    known: KnownCells | None = None,
) -> Check:
    """Check the gaps of a table against masks that its models draw.

    Arguments:
        columns: Columns of the table.
        members: Fitted models.
        values: Table `[N, D]`, NaN where missing.
        completed: Tables completed by draws, the members in turn, `[M, N, D]`.
        seed: Seed of the masks.
        known: Cells known to lie between two ends, which are no gaps.
    """
    may_be_gaps = ~known.mask(values.shape[1]) if known else np.ones(values.shape, dtype=bool)
    explained = [explained_columns([member], values) for member in members]
    chosen = sorted(set().union(*explained))
    names = [columns[place].name for place in chosen]
    own = np.isnan(values)[:, chosen]
    drawn = np.repeat(own[None], len(completed), axis=0)
    generator = torch.Generator().manual_seed(seed)
    for number, table in enumerate(completed):
        member = number % len(members)
        mask = (_mask(members[member], table, generator) & may_be_gaps)[:, chosen]
        ours = [place in explained[member] for place in chosen]
        drawn[number][:, ours] = mask[:, ours]
    rows = [*_counts(names, own, drawn)]
    whole_row = any(isinstance(member.model.missing_process, RowProcess) for member in members)
    numbers = [] if whole_row else [n for n, place in enumerate(chosen) if not columns[place].values]
    if numbers:
        fifths = _fifths(
            expected(members[0], values, [chosen[place] for place in numbers], seed, known=known)
        )
        for place, parts in zip(numbers, fifths.T, strict=True):
            rows += _by_expected(names[place], parts, own[:, place], drawn[:, :, place])
    table = pd.DataFrame(
        rows, columns=["check", "columns", "observed", "expected", "lower", "upper", "deviation", "p_value"]
    )
    return Check(table)


def explained_columns(members: Sequence[FittedModel], values: Floats) -> set[int]:
    """List the columns with gaps that a member at least explains."""
    gaps = set(np.flatnonzero(np.isnan(values).any(axis=0)).tolist())
    return {place for member in members for place in gaps - set(unexplained(member.model.missing_process))}


@torch.no_grad()
def _mask(member: FittedModel, completed: Floats, generator: torch.Generator) -> Masks:
    """Draw which cells of a completed table are missing."""
    x, _ = member.scaling.tensors(completed)
    latents = member.model.missing_process.latents
    w = torch.randn(len(x), latents, generator=generator) if latents else None
    missing: Masks = (
        torch.rand(x.shape, generator=generator) < member.model.missing_probability(x, w)
    ).numpy()
    return missing


def _counts(names: Sequence[str], own: Masks, drawn: Masks) -> Iterator[dict[str, Any]]:
    """Count the gaps of columns, of pairs, and of whole rows."""
    for place, name in enumerate(names):
        yield _row("column", name, own[:, place].sum(), drawn[:, :, place].sum(axis=1))
    if len(names) < 2:
        return
    pairs = [
        _row(
            "pair",
            f"{names[k]} and {names[j]}",
            (own[:, j] & own[:, k]).sum(),
            (drawn[:, :, j] & drawn[:, :, k]).sum(axis=1),
        )
        for j in range(len(names))
        for k in range(j)
    ]
    # Of very many those that are farthest off.
    yield from sorted(pairs, key=lambda row: float(row["p_value"]))[:_PAIRS]
    if len(names) > 2:
        yield _row("all", "every column", own.all(axis=1).sum(), drawn.all(axis=2).sum(axis=1))
    yield _row("none", "every column", (~own).all(axis=1).sum(), (~drawn).all(axis=2).sum(axis=1))


def _fifths(values: Floats) -> npt.NDArray[np.intp]:
    """Number the fifth that each row is in, by each column's values `[N, C]`."""
    ranks = values.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    fifths: npt.NDArray[np.intp] = ranks * len(_FIFTHS) // len(values)
    return fifths


def _by_expected(
    name: str, parts: npt.NDArray[np.intp], own: Masks, drawn: Masks
) -> Iterator[dict[str, Any]]:
    """Count a column's gaps in each fifth of the rows, by the expected value."""
    for part, word in enumerate(_FIFTHS):
        here = parts == part
        yield _row(word, name, own[here].sum(), drawn[:, here].sum(axis=1))


def _row(what: str, columns: str, observed: int, drawn: npt.NDArray[np.int_]) -> dict[str, Any]:
    # A Gaussian's tails: of a hundred masks the smallest share is too large to be told among many checks.
    deviation = float((observed - drawn.mean()) / np.sqrt(drawn.var() + _DISCRETE))
    lower, upper = np.quantile(drawn, [0.025, 0.975])
    return {
        "check": what,
        "columns": columns,
        "observed": int(observed),
        "expected": float(drawn.mean()),
        "lower": float(lower),
        "upper": float(upper),
        "deviation": deviation,
        "p_value": float(2.0 * norm.sf(abs(deviation))),
    }


def _figure(table: pd.DataFrame) -> Any:
    from matplotlib.figure import Figure

    from notmiwae.plot_style import BLUE, LIGHT, VERMILION

    figure = Figure(figsize=(5.6, 0.2 * len(table) + 0.9), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(table))
    axes.axvspan(-2.0, 2.0, color=LIGHT, alpha=0.5, lw=0)
    outside = table["deviation"].abs() > 2.0
    for these, color, marker in ((~outside, BLUE, "o"), (outside, VERMILION, "D")):
        axes.plot(table["deviation"][these], places[these], marker, color=color, ms=4)
    axes.set_yticks(places, table["check"] + " " + table["columns"], fontsize=7)
    axes.set_ylim(len(table) - 0.4, -0.6)
    reach = max(4.0, 1.1 * float(table["deviation"].abs().max()))
    axes.set_xlim(-reach, reach)
    axes.set_xlabel("gaps less those that the fitted process makes, standard deviations", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
