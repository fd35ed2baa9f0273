"""A model of the mask where values are missing at random: a logistic lasso a column on what is seen.

MIWAE has none, so that its bound of `log p(x_o)` can't be compared with one of `log p(x_o, s)`. Under missing
at random `p(x_o, s) = p(x_o) p(s | x_o)`, and the last term is a chain of regressions,
`Π_j p(s_j | s_<j, x_o of the columns before j)`, which is a law of masks whatever the coefficients.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import log_expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from notmiwae.arrays import Floats, Mask
from notmiwae.model.one_hot import OneHot
from notmiwae.training.known_cells import KnownCells, rows_of

_FREEDOM = 0.3
_FREEDOMS = (0.03, 0.1, 0.3, 1.0)
"""Inverse strengths of the lasso's penalty that are tried; cross-validation chooses."""
_LASSO: dict[str, Any] = {"solver": "saga", "max_iter": 300, "random_state": 0}
"""Of many columns few decide what is seen; of the others a lasso makes nothing."""
_FOLDS = 5
_MOST_ROWS = 5_000
"""Rows that a regression is fitted to at most."""
_ROWS_TO_CHOOSE = 2_000
"""Rows by which its penalty is chosen at most."""
_FARTHEST = 5.0
"""Standard deviations to which a value is drawn in: one outlier isn't to decide on a rate."""


@dataclass(frozen=True, eq=False)
class MaskRegression:
    """Probabilities of being seen, a column at a time, given other columns and what is missing of them.

    Attributes:
        columns: Indices of the C columns whose mask is explained.
        predictors: Indices of the columns that may explain each, of any number.
        codes: Number of codes of each of the D columns that are names; 0 of one of quantities.
        mean: Means of the observed values, `[D]`.
        scale: Their standard deviations, `[D]`.
        coefficients: Intercept of each column, then its coefficients, one for each of its inputs.
    """

    columns: tuple[int, ...]
    predictors: tuple[tuple[int, ...], ...]
    codes: tuple[int, ...]
    mean: Floats
    scale: Floats
    coefficients: tuple[Floats, ...]

    @classmethod
    def fit(
        cls,
        values: Floats,
        columns: Sequence[int],
        predictors: Sequence[Sequence[int]],
        codes: Sequence[int],
        freedoms: Sequence[float] | None = None,
        known: KnownCells | None = None,
    ) -> MaskRegression:
        """Fit a lasso of each column's mask, to 5,000 rows at most.

        Arguments:
            values: Table `[N, D]`, NaN where missing.
            columns: Columns whose mask is to be explained.
            predictors: Columns that may explain each of them.
            codes: Number of codes of each column of the table that are names, 0 of one of quantities.
            freedoms: Inverse strength of the penalty of each of them; None: 0.1.
            known: Cells known to lie between two ends: neither seen nor missing, and not explained.
        """
        some = slice(None, None, -(-len(values) // _MOST_ROWS))
        values, told = values[some], _told(values[some], rows_of(known, some))
        blank = cls._blank(values, columns, predictors, codes)
        freedoms = freedoms or [_FREEDOM] * len(columns)
        coefficients = [
            _regression(*blank._explained(values, column, own, told), freedom)
            for column, own, freedom in zip(columns, blank.predictors, freedoms, strict=True)
        ]
        return replace(blank, coefficients=tuple(coefficients))

    @classmethod
    def freedoms(
        cls,
        values: Floats,
        columns: Sequence[int],
        predictors: Sequence[Sequence[int]],
        codes: Sequence[int],
        known: KnownCells | None = None,
    ) -> list[float]:
        """Choose the inverse strength of each column's penalty by cross-validation; arguments as of `fit`."""
        some = slice(None, None, -(-len(values) // _ROWS_TO_CHOOSE))
        values, told = values[some], _told(values[some], rows_of(known, some))
        blank = cls._blank(values, columns, predictors, codes)
        return [
            _freedom(*blank._explained(values, column, own, told))
            for column, own in zip(columns, blank.predictors, strict=True)
        ]

    @classmethod
    def _blank(
        cls,
        values: Floats,
        columns: Sequence[int],
        predictors: Sequence[Sequence[int]],
        codes: Sequence[int],
    ) -> MaskRegression:
        """Return regressions without coefficients."""
        with warnings.catch_warnings():
            # A column without a value has neither; it explains nothing then.
            warnings.simplefilter("ignore", RuntimeWarning)
            mean, scale = (np.nan_to_num(of(values, axis=0)) for of in (np.nanmean, np.nanstd))
        scale = np.where(scale > 0, scale, 1.0)
        return cls(tuple(columns), tuple(map(tuple, predictors)), tuple(codes), mean, scale, ())

    def _explained(self, values: Floats, column: int, own: Sequence[int], told: Mask) -> tuple[Floats, Mask]:
        """Return the inputs of a column's regression, and what they are to explain: whether it was seen."""
        there = ~told[:, column]
        return self._inputs(values[there], own), ~np.isnan(values[there, column])

    def log_prob(self, values: Floats, known: KnownCells | None = None) -> Floats:
        """Compute `log p(s_j | …)` of the columns' masks, `[N, C]`, 0 of known cells.

        Arguments:
            values: Rows `[N, D]`, NaN where missing.
            known: Cells known to lie between two ends.
        """
        told = _told(values, known)
        found = np.empty((len(values), len(self.columns)))
        for place, (column, own) in enumerate(zip(self.columns, self.predictors, strict=True)):
            intercept, *slopes = self.coefficients[place]
            logit = intercept + self._inputs(values, own) @ np.array(slopes)
            log_prob = log_expit(np.where(np.isnan(values[:, column]), -logit, logit))
            found[:, place] = np.where(told[:, column], 0.0, log_prob)
        return found

    def _inputs(self, values: Floats, predictors: Sequence[int]) -> Floats:
        """Return the inputs of a regression: standardised values, 0 where missing, and masks."""
        chosen = list(predictors)
        seen = ~np.isnan(values[:, chosen])
        standardised = ((values - self.mean) / self.scale)[:, chosen].clip(-_FARTHEST, _FARTHEST)
        codes = [self.codes[column] for column in chosen]
        named = np.array([count > 0 for count in codes], dtype=bool)
        x = np.where(seen, np.where(named, values[:, chosen], standardised), 0.0)
        encoded = OneHot(codes)(torch.from_numpy(x), torch.from_numpy(seen.astype(float))).numpy()
        inputs: Floats = np.concatenate([encoded, seen], axis=1)
        return inputs

    def to_mapping(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "columns": list(self.columns),
            "predictors": [list(each) for each in self.predictors],
            "codes": list(self.codes),
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "coefficients": [each.tolist() for each in self.coefficients],
        }

    @classmethod
    def read(cls, plain: dict[str, Any], size: int) -> MaskRegression:
        """Read what `to_mapping` returned; raises a `ValueError` unless it's of a table of `size` columns."""
        found = cls(
            tuple(int(each) for each in plain["columns"]),
            tuple(tuple(int(each) for each in own) for own in plain["predictors"]),
            tuple(int(each) for each in plain["codes"]),
            np.array(plain["mean"], dtype=float),
            np.array(plain["scale"], dtype=float),
            tuple(np.array(each, dtype=float) for each in plain["coefficients"]),
        )
        places = {*found.columns, *(place for own in found.predictors for place in own)}
        if not places <= set(range(size)):
            raise ValueError("mask: it's of another table")
        shapes = (len(found.codes), found.mean.shape, found.scale.shape)
        numbers = [found.mean, found.scale, *found.coefficients]
        if shapes != (size, (size,), (size,)) or not all(np.isfinite(each).all() for each in numbers):
            raise ValueError("mask: it's of another table")
        # Its inputs have to be as many as its coefficients: tried on a blank row.
        found.log_prob(np.full((1, size), np.nan))
        return found


def chain(gaps: Sequence[int], size: int) -> list[list[int]]:
    """Return for each column with gaps what comes before it in a chain: complete columns, earlier gaps.

    Arguments:
        gaps: Indices of the columns with gaps, in the chain's order.
        size: Number of columns of the table, D.
    """
    complete = [column for column in range(size) if column not in gaps]
    return [complete + list(gaps[:place]) for place in range(len(gaps))]


def _told(values: Floats, known: KnownCells | None) -> Mask:
    """Tell which cells are known to lie between two ends, `[N, D]`."""
    return np.zeros(values.shape, dtype=bool) if known is None else known.mask(values.shape[1])


def _regression(inputs: Floats, seen: npt.NDArray[np.bool_], freedom: float) -> Floats:
    """Fit a logistic regression: an intercept, then a coefficient for each input."""
    varying = np.flatnonzero(inputs.std(axis=0) > 0)
    coefficients = np.zeros(1 + inputs.shape[1])
    rate = (seen.sum() + 0.5) / (len(seen) + 1.0)
    coefficients[0] = np.log(rate / (1.0 - rate))
    if _enough(inputs, seen):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = LogisticRegression(C=freedom, l1_ratio=1.0, **_LASSO).fit(inputs[:, varying], seen)
        coefficients[0], coefficients[1 + varying] = fitted.intercept_[0], fitted.coef_[0]
    return coefficients


def _freedom(inputs: Floats, seen: npt.NDArray[np.bool_]) -> float:
    """Choose the inverse strength of a regression's penalty."""
    if not _enough(inputs, seen):
        return _FREEDOMS[0]
    regression = LogisticRegressionCV(
        Cs=list(_FREEDOMS),
        cv=_FOLDS,
        scoring="neg_log_loss",
        l1_ratios=(1.0,),
        use_legacy_attributes=False,
        **_LASSO,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(regression.fit(inputs[:, inputs.std(axis=0) > 0], seen).C_)


def _enough(inputs: Floats, seen: npt.NDArray[np.bool_]) -> bool:
    """Tell whether there is something to explain, and something that may explain it."""
    return bool((inputs.std(axis=0) > 0).any()) and min(seen.sum(), (~seen).sum()) >= _FOLDS
