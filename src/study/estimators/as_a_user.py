"""Fit the package's imputer to a stored table, and impute by it, as a user would with the table at hand."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from notmiwae.errors import AssumptionWarning
from notmiwae.estimators.column_kinds import Limits
from notmiwae.estimators.miwae_imputer import MIWAEImputer
from notmiwae.files import whole_folder
from study.data.saved_fits import save_imputer
from study.data.tables import ImputedCells, as_numbers
from study.estimators.estimator_spec import EstimatorSpec
from study.estimators.learnt_page import learnt_page

LEARNT = "learnt.md"


def fit(
    estimator: EstimatorSpec, stored: pd.DataFrame, limits: Limits, seed: int, device: str, output: Path
) -> None:
    """Fit an imputer; write it, with the page of what it learnt, into the folder `output`."""
    rows = _as_read(stored)
    imputer = estimator.imputer(limits, seed, device)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AssumptionWarning)
        imputer.fit(rows)
    notices = [str(each.message) for each in said if issubclass(each.category, AssumptionWarning)]
    page = learnt_page(imputer, rows, notices)
    with whole_folder(output) as folder:
        save_imputer(imputer, folder)
        (folder / LEARNT).write_text(page, encoding="utf-8")


def impute(stored: pd.DataFrame, models: Path, draws: int) -> ImputedCells:
    """Impute the table that the imputer in the folder `models` was fitted to."""
    rows = _as_read(stored)
    mean, drawn = MIWAEImputer.load(models).complete(rows, draws)
    filled, *others = [as_numbers(each).to_numpy(dtype=np.float64) for each in (mean, *drawn)]
    return ImputedCells.of(as_numbers(stored), filled, others)


def _as_read(stored: pd.DataFrame) -> pd.DataFrame:
    """Return a stored table with the dtypes that the command gives an imputer."""
    real = [name for name in stored if stored[name].dtype == "Float64"]
    return stored.astype(dict.fromkeys(real, np.float64))
