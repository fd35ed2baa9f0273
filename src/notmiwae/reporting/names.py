"""Data sets, methods and columns as a reader writes them; what isn't listed stands for itself."""

from __future__ import annotations

import re

METHODS = {
    "notmiwae": "not-MIWAE",
    "miwae": "MIWAE",
    "mice": "MICE",
    "missforest": "missForest",
    "knn": "KNN",
    "mean": "mean",
}
"""Methods in the order in which figures and tables list them."""

ORACLE = "oracle"
ORACLE_NAME = "Bayes-optimal limit"

_DATASETS = {"gaussian": "Gaussian", "ring": "Ring", "mnist": "MNIST"}


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
    listed = [method for method in METHODS if method in methods]
    return listed + [method for method in methods if method not in METHODS]
