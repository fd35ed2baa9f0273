"""Chapters that are made from results alone: every figure as a table, and where all of it comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from notmiwae.reporting.names import dataset_name, datasets_in_order, in_order, method_name

RESULTS = ("reports/results.csv", "images/reports/results.csv", "paper/reports/results.csv")
_PIPELINES = {"The published study": ".", "Images": "images", "Six tables": "paper"}
_ABSENT = "–"
_METRICS = {
    "rmse": "RMSE",
    "crps": "CRPS",
    "coverage90": "coverage of 90 %",
    "width90": "width of 90 %",
    "energy": "energy distance",
    "mask_accuracy": "mask accuracy",
    "ring_distance": "distance to the ring",
    "bound": "held-out bound",
}


def results_tables(root: Path) -> dict[str, str]:
    """A Markdown table of each of `RESULTS`: a row for each data set and method, a column for each metric."""
    return {path: _pivoted(pd.read_csv(root / path)) for path in RESULTS}


def _pivoted(results: pd.DataFrame) -> str:
    found: list[str] = list(dict.fromkeys(results["metric"]))
    metrics = [name for name in _METRICS if name in found] + [name for name in found if name not in _METRICS]
    held = {
        (dataset, method, metric): f"{mean:.3f}"
        for dataset, method, metric, mean in results[["dataset", "method", "metric", "mean"]].itertuples(
            index=False
        )
    }
    lines = [["data set", "method", *(_METRICS.get(name, name) for name in metrics)]]
    lines.append([":--", ":--", *["--:"] * len(metrics)])
    for dataset in datasets_in_order(list(dict.fromkeys(results["dataset"]))):
        of_dataset = results[results["dataset"] == dataset]
        for method in in_order(list(dict.fromkeys(of_dataset["method"]))):
            figures = [held.get((dataset, method, name), _ABSENT) for name in metrics]
            lines.append([dataset_name(dataset), method_name(method), *figures])
    return _joined(lines)


def results_chapter(tables: dict[str, str]) -> str:
    """The chapter with them."""
    parts = [
        "# Every figure",
        "Means over replicates, in the units that the pipeline works in; click on a column's name to sort by "
        "it. Standard errors and numbers of replicates are in the files.",
    ]
    for title, table in zip(_PIPELINES, tables.values(), strict=True):
        parts += [f"## {title}, all methods", table]
    return "\n\n".join(parts) + "\n"


def provenance(root: Path, inputs: Sequence[str]) -> str:
    """The chapter on versions, seeds and the contents of the inputs.

    Arguments:
        root: The repository.
        inputs: Files whose contents decide the results.
    """
    parts = [
        "# Provenance",
        "Every table and figure above stands over the file that it's from. Which stage makes a file is in "
        "`dvc.yaml`, from what it was made in `dvc.lock`, with checksums; `make check` runs the pipeline "
        "again and compares.",
        "## Versions",
    ]
    environments = {
        title: json.loads((root / folder / "reports/environment.json").read_text(encoding="utf-8"))
        for title, folder in _PIPELINES.items()
    }
    names = list(dict.fromkeys(name for found in environments.values() for name in found))
    lines = [["", *environments], [":--", *[":--"] * len(environments)]]
    lines += [[name, *(str(found.get(name, _ABSENT)) for found in environments.values())] for name in names]
    seeds = [
        yaml.safe_load((root / folder / "params.yaml").read_text(encoding="utf-8"))["seed"]
        for folder in _PIPELINES.values()
    ]
    lines.append(["the one seed", *map(str, seeds)])
    parts.append(_joined(lines))
    parts += ["## Inputs", "SHA-256 of the files that decide the results, its first 16 digits."]
    digests = [["file", "contents"], [":--", ":--"]]
    digests += [[f"[{path}]({path})", f"`{_digest(root / path)}`"] for path in inputs]
    parts.append(_joined(digests))
    return "\n\n".join(parts) + "\n"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _joined(lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
