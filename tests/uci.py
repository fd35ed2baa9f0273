"""The paper's six tables, as its protocol masks them: for the tests of data and of imputers."""

from pathlib import Path

import numpy as np

from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.randomness import generator
from notmiwae.specs import parse_spec
from study.data.datasets import DatasetSpec

ROOT = Path(__file__).parents[1]
SUMS = {
    name.removeprefix("./"): digest
    for digest, name in (line.split() for line in (ROOT / "data/SHA256SUMS").read_text().splitlines())
}
YEAST = ["name", "mcg", "gvh", "alm", "mit", "erl", "pox", "vac", "nuc", "class"]


def csv(file, **fields):
    entry = {"kind": "csv", "file": str(ROOT / "data" / file), "sha256": SUMS[file], "standardise": True}
    return entry | fields


SOURCES = {
    "banknote": csv("uci/banknote.csv", drop=["class"]),
    "concrete": csv("uci/concrete.csv"),
    "red": csv("uci/winequality-red.csv", separator=";", drop=["quality"]),
    "white": csv("uci/winequality-white.csv", separator=";", drop=["quality"]),
    "yeast": csv("uci/yeast.data", separator="whitespace", names=YEAST, drop=["name", "nuc", "class"]),
    "breast": {"kind": "breast_cancer", "standardise": True},
}


def uci(name, offset_sd=0.0):
    """A table's spec, complete and masked; the cut is at the mean + `offset_sd` standard deviations."""
    cut = {"statistic": "mean", "offset_sd": offset_sd}
    mechanism = {"kind": "threshold", "columns": "first_half", "cut": cut, "side": "upper"}
    spec = parse_spec(
        DatasetSpec, {"source": SOURCES[name], "mechanism": mechanism, "replicates": 5}, f"datasets.{name}"
    )
    complete = spec.source.draw(generator(0))
    return spec, complete, apply_mechanism(spec.mechanism, complete, generator(0))


def rmse(filled, complete, masked):
    """Root mean squared error over the missing cells."""
    missing = masked.isna().to_numpy()
    return float(np.sqrt(np.mean(np.square(np.asarray(filled) - complete.to_numpy())[missing])))
