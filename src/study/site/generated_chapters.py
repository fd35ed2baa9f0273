"""Write the chapters that are made from results alone: all metrics as tables, and where they come from."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from notmiwae.errors import DataError, flat
from study.reporting.methods import in_order, method_name
from study.reporting.names import dataset_name, datasets_in_order
from study.run.params_file import PARAMS_FILE, read_params
from study.site.chapters import INPUTS, PIPELINES
from study.site.site_inputs import read_environment

_ABSENT = "–"
_METRICS = {
    "rmse": "RMSE",
    "crps": "CRPS",
    "coverage90": "coverage of 90 %",
    "width90": "width of 90 %",
    "energy": "energy distance",
    "mask_accuracy": "mask accuracy",
    "ring_distance": "distance to the ring",
    "shift": "missing − observed mean, in sd",
    "bound": "held-out bound",
}


def dataset_table(results: pd.DataFrame, dataset: str, errors: bool = False) -> str:
    """Write a Markdown table: a row for each method, a column for each metric that one of them has.

    Arguments:
        results: Rows dataset, method, metric, mean, se, replicates.
        dataset: Data set that it's of.
        errors: Whether standard errors stand beside means, where there is more than one replicate.
    """
    rows = results[results["dataset"] == dataset]
    metrics = sorted(dict.fromkeys(rows["metric"]), key=[*_METRICS, *rows["metric"]].index)
    values = rows[["method", "metric", "mean", "se", "replicates"]].itertuples(index=False)
    cells = {
        (method, metric): f"{mean:.3f} ± {se:.3f}" if errors and replicates > 1 else f"{mean:.3f}"
        for method, metric, mean, se, replicates in values
    }
    lines = [[dataset_name(dataset), *(_METRICS.get(name, name) for name in metrics)]]
    lines.append([":--", *["--:"] * len(metrics)])
    for method in in_order(list(dict.fromkeys(rows["method"]))):
        lines.append([method_name(method), *(cells.get((method, name), _ABSENT) for name in metrics)])
    return _joined(lines)


def results_tables(results: pd.DataFrame) -> list[str]:
    """Write the tables of all data sets that a pipeline has results of, in the order of their papers."""
    names = datasets_in_order(list(dict.fromkeys(results["dataset"])))
    return [dataset_table(results, name) for name in names]


def results_chapter(tables: Sequence[Sequence[str]]) -> str:
    """Write the chapter with all metrics.

    Arguments:
        tables: Tables of each of `PIPELINES`.
    """
    parts = [
        "# All metrics",
        "Means over replicates, in the units that the pipeline works in; click on a column's name to sort by "
        "it. Standard errors and numbers of replicates are in the files.",
    ]
    for pipeline, own_tables in zip(PIPELINES, tables, strict=True):
        parts += [f"## {pipeline.name}, all methods", *own_tables]
    return "\n\n".join(parts) + "\n"


def provenance(root: Path) -> str:
    """Write the chapter on versions, seeds and the contents of the inputs.

    Raises:
        NotMIWAEError: one of the files that it's about can't be read.
    """
    parts = [
        "# Provenance",
        "Every table and figure above stands over the file that it's from. Which stage makes a file is in "
        "`dvc.yaml`, from what it was made in `dvc.lock`, with checksums; `make check` runs the pipeline "
        "again and compares.",
        "## Versions",
    ]
    environments = {pipeline.name: read_environment(root, pipeline) for pipeline in PIPELINES}
    names = list(dict.fromkeys(name for versions in environments.values() for name in versions))
    lines = [["", *environments], [":--", *[":--"] * len(environments)]]
    lines += [
        [name, *(str(versions.get(name, _ABSENT)) for versions in environments.values())] for name in names
    ]
    seeds = [read_params(root / pipeline.folder / PARAMS_FILE).get("seed", _ABSENT) for pipeline in PIPELINES]
    lines.append(["the one seed", *map(str, seeds)])
    parts.append(_joined(lines))
    parts += ["## Inputs", "SHA-256 of the files that decide the results, its first 16 digits."]
    digests = [["file", "contents"], [":--", ":--"]]
    digests += [[f"[{path}]({path})", f"`{_digest(root, path)}`"] for path in INPUTS]
    parts.append(_joined(digests))
    return "\n\n".join(parts) + "\n"


def _digest(root: Path, path: str) -> str:
    try:
        return hashlib.sha256((root / path).read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise DataError(f"{path}: can't be read: {flat(error)}") from None


def _joined(lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
