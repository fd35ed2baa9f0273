"""An assumption for each column of which none was said, or no direction: evidence weighs what it might be.

A column is decided by itself, by how well it's foretold from the rest of held-out rows under each candidate
(`races.py` trains for that). Members are dealt to the candidates in the shares of their weights: where the
data can't tell, members disagree, and their draws are as wide as that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from notmiwae.arrays import Floats
from notmiwae.estimators.column_processes import AutoSpec, of_column, with_columns
from notmiwae.estimators.evidence import pseudo_bma
from notmiwae.model.missing_process.edges import EdgeSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.model.missing_process.selection_model import SelectionSpec

AT_RANDOM = "mar"
_PRIOR = 0.92
"""Weight of `mar` before any evidence, the directions having equal shares of the rest: without it all
members impute as MIWAE does."""
_DOUBT = 1.0
"""Standard errors by which a direction has to be better than `mar`: a table that says little says nothing."""


@dataclass(frozen=True)
class Undecided:
    """Columns of which one of several processes is to be chosen.

    Attributes:
        columns: Names of the columns: one, or those that share an edge.
        candidates: Processes by the word for each.
        prior: Weight of each before any evidence.
    """

    columns: tuple[str, ...]
    candidates: Mapping[str, ProcessSpec]
    prior: tuple[float, ...]


@dataclass(frozen=True)
class Decided:
    """What was weighed of a column, and what came of it.

    Attributes:
        columns: Names of the columns.
        words: Candidates.
        differences: By how much each foretells held-out rows better than the first one, nats a row.
        errors: Standard errors of the differences.
        weights: Weights of the candidates, which sum to 1.
        members: Number of the candidate that each member takes.
    """

    columns: tuple[str, ...]
    words: tuple[str, ...]
    differences: tuple[float, ...]
    errors: tuple[float, ...]
    weights: tuple[float, ...]
    members: tuple[int, ...]


def undecided(process: ProcessSpec, names: Sequence[str]) -> list[Undecided]:
    """List the columns to be decided, each by itself unless they share an edge.

    Arguments:
        process: Missing process that is assumed.
        names: Names of the columns that have missing values.
    """
    found: dict[object, list[str]] = {}
    for name in names:
        spec = of_column(process, name)
        shared = isinstance(spec, EdgeSpec) and spec.shared
        if isinstance(spec, AutoSpec) or len(_directions(spec)) > 1:
            found.setdefault(spec if shared else name, []).append(name)
    return [_candidates(of_column(process, columns[0]), tuple(columns)) for columns in found.values()]


def may_be_at_random(process: ProcessSpec, names: Sequence[str]) -> bool:
    """Tell whether a column is undecided that may be missing at random; arguments as of `undecided`."""
    return any(AT_RANDOM in each.candidates for each in undecided(process, names))


def _candidates(spec: ProcessSpec, columns: tuple[str, ...]) -> Undecided:
    if isinstance(spec, AutoSpec):
        # Chance and complete columns beside it: without them what they decide passes for extreme values.
        besides: dict[str, Any] = {"given": "complete", "shrunk": True, "at_random": True}
        directions = _directions(SelectionSpec(direction="unknown", together=spec.together, **besides))
        own = {AT_RANDOM: IgnorableSpec(), **directions}
        return Undecided(columns, own, (_PRIOR, *[(1.0 - _PRIOR) / len(directions)] * len(directions)))
    directions = _directions(spec)
    return Undecided(columns, directions, tuple([1.0 / len(directions)] * len(directions)))


def _directions(spec: ProcessSpec) -> dict[str, ProcessSpec]:
    """Return the processes that a column's may be, by direction; itself where it has one."""
    if not isinstance(spec, EdgeSpec | SelectionSpec):
        return {}
    return {str(getattr(start, "direction", spec.kind)): start for start in spec.starts()}


def weigh(each: Undecided, foretold: Floats, seed: int) -> Floats:
    """Weigh the candidates of a column, `[K]`: a direction by its gain less its standard error.

    Arguments:
        each: Column and its candidates.
        foretold: Log-density of each row under each candidate, `[K, N]`.
        seed: Seed of the bootstrap by which they are weighed.
    """
    if AT_RANDOM in each.candidates:
        foretold = foretold - _DOUBT * _errors(foretold)[:, None]
    return pseudo_bma(foretold, each.prior, seed)


def favourite(each: Undecided, foretold: Floats, weights: Mapping[str, float]) -> str:
    """Name the better direction of a column, or `mar` where evidence made that less likely than before.

    Arguments:
        each: Column and its candidates.
        foretold: Log-density of each row under each candidate, `[K, N]`.
        weights: Weights of the candidates.
    """
    words = list(each.candidates)
    directions = [place for place, word in enumerate(words) if word != AT_RANDOM]
    best = max(directions, key=lambda place: float(foretold[place].mean()))
    doubted = AT_RANDOM in each.candidates and weights[words[best]] < each.prior[best]
    return AT_RANDOM if doubted else words[best]


def decide(each: Undecided, foretold: Floats, members: int, seed: int) -> Decided:
    """Weigh the candidates of a column, and deal members to them.

    Arguments:
        each: Column and its candidates.
        foretold: Log-density of each row under each candidate, `[K, N]`.
        members: Number of members R.
        seed: Seed of the bootstrap by which they are weighed.
    """
    weights = weigh(each, foretold, seed)
    return Decided(
        each.columns,
        tuple(each.candidates),
        tuple((foretold - foretold[0]).mean(axis=1).tolist()),
        tuple(_errors(foretold).tolist()),
        tuple(weights.tolist()),
        deal(weights, members),
    )


def _errors(foretold: Floats) -> Floats:
    """Compute the standard errors of the mean differences from the first candidate, `[K]`."""
    more = foretold - foretold[0]
    errors: Floats = more.std(axis=1) / np.sqrt(foretold.shape[1])
    return errors


def deal(weights: Floats, members: int) -> tuple[int, ...]:
    """Deal members to candidates: halves of them take one each, so that shares are next to the weights.

    Halves, as members of one process are trained as one, and all columns have the same halves.

    Arguments:
        weights: Weights of the candidates.
        members: Number of members R.
    """
    halves = (members // 2, members - members // 2)

    def distance(pair: tuple[int, ...]) -> float:
        shares = np.zeros(len(weights))
        np.add.at(shares, list(pair), np.array(halves) / members)
        return float(np.abs(shares - weights).sum())

    one, other = min(product(range(len(weights)), repeat=2), key=distance)
    return (one,) * halves[0] + (other,) * halves[1]


def of_members(
    process: ProcessSpec, names: Sequence[str], unknown: Sequence[Undecided], decided: Sequence[Decided]
) -> list[ProcessSpec]:
    """Return the process of each member.

    Arguments:
        process: Missing process that is assumed.
        names: Names of the columns that have missing values.
        unknown: Columns that were to be decided.
        decided: What was decided of each.
    """
    found: list[ProcessSpec] = []
    for member in range(len(decided[0].members)):
        taken: dict[str, ProcessSpec] = {}
        for each, choice in zip(unknown, decided, strict=True):
            candidate = each.candidates[choice.words[choice.members[member]]]
            taken |= dict.fromkeys(each.columns, candidate)
        own = with_columns(process, names, taken)
        at_random = all(isinstance(spec, IgnorableSpec) for spec in own.columns.values())
        found.append(IgnorableSpec() if at_random else own)
    return found


def assumptions_table(decided: Sequence[Decided]) -> pd.DataFrame:
    """List what was weighed, a row for each column and candidate.

    Columns of the table:
        column: Name.
        assumption: Word of the candidate.
        difference: By how much it foretells held-out rows better than the column's first candidate, nats a
            row, given the rest of the row.
        standard_error: Of the difference.
        weight: Weight of the candidate.
        members: Number of members that impute by it.
    """
    rows = [
        {
            "column": name,
            "assumption": word,
            "difference": choice.differences[place],
            "standard_error": choice.errors[place],
            "weight": choice.weights[place],
            "members": choice.members.count(place),
        }
        for choice in decided
        for name in choice.columns
        for place, word in enumerate(choice.words)
    ]
    types = {
        "column": object,
        "assumption": object,
        "difference": float,
        "standard_error": float,
        "weight": float,
        "members": int,
    }
    return pd.DataFrame(rows, columns=list(types)).astype(types)
