"""Data sets and columns as a reader writes them; what isn't listed stands for itself."""

import re
from collections.abc import Iterable

EVERY_DATASET = "all"
"""In place of a data set's name: the mean over all of them."""

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
    "gaussian6": "Gaussian, 6",
    "gaussian12": "Gaussian, 12",
    "gaussian24": "Gaussian, 24",
    "log_normal": "Log-normal",
    "share": "Shares",
    "wine": "Wine",
    "diabetes": "Diabetes",
    "mixed": "Mixed",
    EVERY_DATASET: "mean of all",
}
"""Data sets in the order in which the benchmark lists them, then what is averaged over them."""


def dataset_name(dataset: str) -> str:
    """Name a data set as people write it."""
    return _DATASETS.get(dataset, dataset)


def column_name(column: str) -> str:
    """Name a column for an axis: `x_1` as mathematics, anything else as it is."""
    indexed = re.fullmatch(r"([A-Za-z])_(\d+)", column)
    # Elsewhere a dollar sign would switch to mathematics half-way through a name.
    return f"${indexed[1]}_{{{indexed[2]}}}$" if indexed else column.replace("$", r"\$")


def datasets_in_order(datasets: Iterable[str]) -> list[str]:
    """Sort data sets as their papers do, each once, unlisted ones after them as they come."""
    return listed_first(_DATASETS, datasets)


def listed_first(listed: Iterable[str], names: Iterable[str]) -> list[str]:
    """Sort names as they are listed, each once, unlisted ones after them as they come."""
    distinct = list(dict.fromkeys(names))
    known = [name for name in listed if name in distinct]
    return known + [name for name in distinct if name not in known]
