"""What an imputer accepts as a table: an array of numbers, or a DataFrame with the fitted columns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

from notmiwae.arrays import Floats
from notmiwae.errors import AssumptionWarning, DataError
from notmiwae.estimators.arguments import renamed
from notmiwae.estimators.arrived import Arrived, arrived, is_frame, numbered, unmasked
from notmiwae.estimators.columns import Column
from notmiwae.estimators.features import Features, features
from notmiwae.estimators.known_values import as_described, described
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import KnownCells

if TYPE_CHECKING:
    from notmiwae.estimators.miwae_imputer import MIWAEImputer

_FAR = 1e12
"""Standard deviations beyond which networks of single precision no longer compute."""


@dataclass(frozen=True)
class Rows:
    """Rows to be imputed.

    Attributes:
        came: The table as it came.
        features: What becomes of the columns that aren't modelled.
        table: Columns that are modelled, cells that say where their value lies among their gaps.
        values: The same as numbers, `[N, D]`, NaN where missing.
        known: Cells known to lie between two ends.
    """

    came: Arrived
    features: Features
    table: pd.DataFrame
    values: Floats
    known: KnownCells | None

    def back(self, filled: pd.DataFrame, to_pandas: bool = False) -> Any:
        """Return the completed columns as the table came; see `Arrived.back`."""
        whole = self.features.completed(self.came.frame, filled)
        return self.came.back(whole, self.features.returned, to_pandas)


def table_to_fit(
    imputer: MIWAEImputer, X: Any
) -> tuple[tuple[Column, ...], Floats, KnownCells | None, Features]:
    """Return a table's columns, values `[N, D]`, NaN where missing, known cells, and what else it has.

    It sets `n_features_in_` and `feature_names_in_`.

    Warns:
        AssumptionWarning: columns have no value, or texts were read as what is known of one.

    Raises:
        DataError: it's complex, or has names or values that can't be used.
        ParameterError: what the imputer says of columns doesn't fit them.
        ValueError: scikit-learn doesn't take it for a table.
    """
    table = _arrived(imputer, X, reset=True).frame
    found = features(table, imputer.keep_empty_features, imputer.add_indicator)
    empty = [str(table.columns[place]) for place in found.empty]
    if empty:
        becomes = "carried along as 0" if found.kept else "left out, unless keep_empty_features=True"
        notice = f"{', '.join(empty)}: no value was seen; {becomes}"
        warnings.warn(notice, AssumptionWarning, stacklevel=3)
    limits = renamed("bounds", imputer.bounds, "limits", imputer.limits)
    modelled = found.to_model(table)
    said = (_without(empty, each) for each in (imputer.kinds, limits, imputer.censored))
    _, columns, values, known = described(modelled, *said)
    return columns, values, known, found


def table_as_fitted(imputer: MIWAEImputer, X: Any) -> Rows:
    """Return new rows, whose columns have to be those that were fitted.

    Raises:
        DataError: as in `table_to_fit`, or the columns differ, or a value is too far out.
        ValueError: scikit-learn doesn't take it for such a table.
    """
    came, columns = _arrived(imputer, X, reset=False), imputer.columns_
    table = imputer._features.to_model(came.frame)
    if is_frame(X):
        # Scikit-learn checks labels that are text.
        labels = [str(label) for label in table.columns]
        fitted = [column.name for column in columns]
        if labels != fitted != [f"x{place}" for place in imputer._features.modelled]:
            raise DataError(f"columns {', '.join(labels)}; accepted, in this order: {', '.join(fitted)}")
    read, values, known = as_described(table, columns, imputer.censored)
    check_reach(columns, imputer.members_, values)
    if read is not table:
        came = came.read_as(imputer._features.modelled, read)
    return Rows(came, imputer._features, read, values, known)


def check_reach(columns: Sequence[Column], members: Sequence[FittedModel], values: Floats) -> None:
    """Raise a `DataError` if a value is further from those that were fitted than networks can compute."""
    for member in members:
        mean, scale = member.scaling.mean, member.scaling.scale
        far = np.argwhere(np.abs(values - mean) > _FAR * scale)
        if len(far):
            row, place = far[0]
            name, value = columns[place].name, values[row, place]
            about = f"accepted: values within {_FAR:g} standard deviations of {mean[place]:g}"
            raise DataError(f"column {name!r}: {value:g} in row {row}; {about}")


def _without(empty: Sequence[str], said: Any) -> Any:
    """Return what is said of columns without those that are empty."""
    if not empty or not isinstance(said, Mapping):
        return said
    return {name: each for name, each in said.items() if str(name) not in empty}


def _arrived(imputer: MIWAEImputer, X: Any, reset: bool) -> Arrived:
    if is_frame(X):
        found = arrived(X, imputer.missing_values, imputer.kinds)
        validate_data(imputer, found.original, reset=reset, skip_check_array=True)
        return found
    if getattr(getattr(X, "dtype", None), "kind", None) == "c":
        raise DataError("Complex data not supported; accepted: real numbers")
    X = unmasked(X, imputer.missing_values, () if reset else getattr(imputer, "feature_names_in_", ()))
    if isinstance(X, np.ndarray) and X.dtype == object:
        X = np.where(pd.isna(X), np.nan, X)
    dtypes = (np.float64, np.float32)
    values = validate_data(imputer, X, reset=reset, dtype=dtypes, ensure_all_finite="allow-nan")
    table = pd.DataFrame(
        values, columns=list(getattr(imputer, "feature_names_in_", numbered(values.shape[1])))
    )
    return Arrived(X, table, table)
