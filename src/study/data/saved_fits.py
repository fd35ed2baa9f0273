"""Trained models on disk: beside each its held-out ELBO, and how it came there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from notmiwae.files import whole_folder, write_json
from study.data.tables import write_csv

if TYPE_CHECKING:
    from notmiwae.estimators.miwae_imputer import MIWAEImputer
    from notmiwae.training.fit import Fit

_CURVE, _BOUND = "curve.csv", "bound.json"


def save_fit(trained: Fit, output: Path) -> None:
    """Write a model, its training curve and its held-out ELBO into a folder, whole or not at all."""
    with whole_folder(output) as folder:
        trained.fitted.save(folder)
        write_csv(pd.DataFrame(trained.curve), folder / _CURVE)
        write_json(folder / _BOUND, {"validation_bound": trained.validation_bound})


def save_imputer(imputer: MIWAEImputer, folder: Path) -> None:
    """Write a fitted imputer into an empty folder; beside each of its models the mean bound of all."""
    imputer.save(folder)
    for member in sorted(folder.glob("*/")):
        write_json(member / _BOUND, {"validation_bound": imputer.bound_})


def mean_bound(folder: Path) -> float:
    """Return the held-out ELBO in nats a row, the mean over the models in a folder's subfolders."""
    files = sorted(folder.glob(f"*/{_BOUND}"))
    bounds = [json.loads(path.read_text(encoding="utf-8"))["validation_bound"] for path in files]
    return float(np.mean(bounds))


def write_curves(parts: Sequence[tuple[int, int, Path]], path: Path) -> None:
    """Write training curves as one table.

    Arguments:
        parts: Number of the replicate, number of the member, and folder of each model.
        path: CSV file of the table.
    """
    curves = []
    for replicate, member, folder in parts:
        curve = pd.read_csv(folder / _CURVE)
        curve.insert(0, "replicate", replicate)
        curve.insert(1, "member", member)
        curves.append(curve)
    write_csv(pd.concat(curves), path)
