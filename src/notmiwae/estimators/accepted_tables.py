"""What an imputer accepts as a table: an array of numbers, or a DataFrame with the fitted columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from notmiwae.arrays import Floats
from notmiwae.errors import DataError
from notmiwae.estimators.columns import Column, check_names
from notmiwae.training.fitted_model import FittedModel

_FAR = 1e12
"""Standard deviations beyond which networks of single precision no longer compute."""


def table_to_fit(imputer: BaseEstimator, X: Any) -> pd.DataFrame:
    """Return `X` as a table, and set `n_features_in_` and `feature_names_in_`.

    Raises:
        DataError: it's complex, or has names that can't be used.
        ValueError: scikit-learn doesn't take it for a table.
    """
    return _table(imputer, X, reset=True)


def table_as_fitted(imputer: BaseEstimator, X: Any, columns: Sequence[Column]) -> pd.DataFrame:
    """Return new rows as a table, whose columns have to be those that were fitted.

    Raises:
        DataError: as in `table_to_fit`, or the columns differ.
        ValueError: scikit-learn doesn't take it for such a table.
    """
    table = _table(imputer, X, reset=False)
    if isinstance(X, pd.DataFrame):
        # Scikit-learn checks labels that are text.
        labels = [str(label) for label in table.columns]
        fitted = [column.name for column in columns]
        if labels != fitted != _numbered(len(fitted)):
            raise DataError(f"columns {', '.join(labels)}; accepted, in this order: {', '.join(fitted)}")
    return table


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


def _table(imputer: BaseEstimator, X: Any, reset: bool) -> pd.DataFrame:
    if isinstance(X, pd.DataFrame):
        check_names(X)
        validate_data(imputer, X, reset=reset, skip_check_array=True)
        return X
    if getattr(getattr(X, "dtype", None), "kind", None) == "c":
        raise DataError("Complex data not supported; accepted: real numbers")
    if isinstance(X, np.ndarray) and X.dtype == object:
        X = np.where(pd.isna(X), np.nan, X)
    dtypes = (np.float64, np.float32)
    values = validate_data(imputer, X, reset=reset, dtype=dtypes, ensure_all_finite="allow-nan")
    names = getattr(imputer, "feature_names_in_", _numbered(values.shape[1]))
    return pd.DataFrame(values, columns=list(names))


def _numbered(columns: int) -> list[str]:
    """Name columns that have no names."""
    return [f"x{place}" for place in range(columns)]
