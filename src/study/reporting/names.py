"""Data sets, methods and columns as a reader writes them; what isn't listed stands for itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from study.run.grid import ORACLE as ORACLE

METHODS = {
    "notmiwae": "not-MIWAE",
    "notmiwae_mechanism": "not-MIWAE, mechanism known",
    "notmiwae_known": "not-MIWAE, self-masking known",
    "notmiwae_selfmasking": "not-MIWAE, self-masking",
    "notmiwae_linear": "not-MIWAE, agnostic linear",
    "notmiwae_nonlinear": "not-MIWAE, agnostic nonlinear",
    "published_known": "not-MIWAE, published recipe",
    "ppca_known": "not-MIWAE-PPCA, self-masking known",
    "ppca_selfmasking": "not-MIWAE-PPCA, self-masking",
    "ppca_linear": "not-MIWAE-PPCA, agnostic linear",
    "ppca_nonlinear": "not-MIWAE-PPCA, agnostic nonlinear",
    "miwae": "MIWAE",
    "ppca": "PPCA",
    "lowrank": "low-rank joint model",
    "lowrank_standardised": "low-rank joint model, standardised",
    "mice": "MICE",
    "missforest": "missForest",
    "knn": "KNN",
    "mean": "mean",
}
"""Methods in the order in which figures and tables list them."""

DEFAULT, RIVAL = "notmiwae_known", "miwae"
"""The method that the benchmark is about, and the model that it's held against beside the best baseline."""

ORACLE_NAME = "Bayes-optimal limit"

EVERY_DATASET = "all"
"""In place of a data set's name: a figure's mean over all of them."""

_DATASETS = {
    "gaussian": "Gaussian",
    "ring": "Ring",
    "mnist": "MNIST",
    "mnist_full": "MNIST, 60,000 images",
    "clip": "Clipped digits",
    "block": "Digits without a block",
    "clip_fashion": "Clipped clothes",
    "banknote": "Banknote",
    "concrete": "Concrete",
    "red": "Red wine",
    "white": "White wine",
    "yeast": "Yeast",
    "breast": "Breast",
    EVERY_DATASET: "mean of all",
}
"""Data sets in the order in which the benchmark lists them, then what is averaged over them."""


def method_name(method: str) -> str:
    """How people write a method's name."""
    return ORACLE_NAME if method == ORACLE else METHODS.get(method, method)


def dataset_name(dataset: str) -> str:
    """How people write a data set's name."""
    return _DATASETS.get(dataset, dataset)


def column_name(column: str) -> str:
    """A column's name for an axis: `x_1` as mathematics, anything else as it is."""
    indexed = re.fullmatch(r"([A-Za-z])_(\d+)", column)
    # Elsewhere a dollar sign would switch to mathematics half-way through a name.
    return f"${indexed[1]}_{{{indexed[2]}}}$" if indexed else column.replace("$", r"\$")


def in_order(methods: list[str]) -> list[str]:
    """Methods in the order of `METHODS`, unlisted ones after them as they come."""
    return _in_order(METHODS, methods)


def datasets_in_order(datasets: Sequence[str]) -> list[str]:
    """Data sets in the order of their papers, unlisted ones after them as they come."""
    return _in_order(_DATASETS, datasets)


def _in_order(listed: Iterable[str], found: Sequence[str]) -> list[str]:
    known = [name for name in listed if name in found]
    return known + [name for name in found if name not in known]
