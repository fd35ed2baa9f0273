"""Show a user's own data sets in the report: a chapter for them, while README and pages stay as committed.

README, docs/study.md and docs/images.md are about the data sets that `chapters.py` lists for each pipeline.
A run of others (docs/own_table.md), or of fewer, writes `reports/table.md` and its likes anew; such tables
don't go into these pages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from study.reporting.methods import in_order, method_name
from study.reporting.names import dataset_name, datasets_in_order
from study.site.chapters import OWN, PIPELINES, Pipeline
from study.site.generated_chapters import dataset_table
from study.site.site_inputs import read_results

_CAPTIONS = {
    "agreement": "imputed beside true values, of the cells whose truth is known",
    "columns": "what was observed of each column with missing values, beside what each model draws for them, "
    "and the learnt probability that a value is missing",
    "draws": "draws of the first model for one image of each label",
    "errors": "RMSE of each pixel, a map a method",
    "imputations": "one image of each label: true, what was seen of it, and imputed by each method",
    "missing_process": "the learnt probability of being missing, beside the true one where it is known",
    "reconstruction": "true, observed and imputed points, method by method",
    "rmse": "RMSE of each method, of the data sets whose missing values are known",
    "curves": "the held-out bound of each replicate during training, one panel a data set and model",
}
"""Captions of a data set's pictures, by their names."""


@dataclass(frozen=True)
class Run:
    """The last run of a pipeline.

    Attributes:
        pipeline: Pipeline that was run.
        results: Rows dataset, method, metric, mean, se, replicates.
    """

    pipeline: Pipeline
    results: pd.DataFrame

    @property
    def own(self) -> list[str]:
        """List the data sets that the pipeline's page isn't about."""
        return datasets_in_order([name for name in self._datasets() if name not in self.pipeline.datasets])

    @property
    def lacking(self) -> list[str]:
        """List the data sets that the pipeline's page is about and that were not run."""
        return [name for name in self.pipeline.datasets if name not in self._datasets()]

    def made(self, path: str) -> bool:
        """Return whether a file is one of those that span the pipeline's data sets."""
        return str(Path(path).parent) == self.pipeline.reports

    def note(self) -> str:
        """Say why pages don't take its tables; empty: they do."""
        differences = (("has", self.own), ("lacks", self.lacking))
        parts = [f"{verb} {', '.join(names)}" for verb, names in differences if names]
        return f"{self.pipeline.reports}/results.csv {' and '.join(parts)}" if parts else ""

    def spanning_pictures(self, root: Path) -> list[str]:
        """Return the pictures of all data sets together, if some are the user's own."""
        return _pictures(root, self.pipeline, "*.png") if self.own else []

    def _datasets(self) -> list[str]:
        return list(dict.fromkeys(self.results["dataset"]))


def read_runs(root: Path) -> list[Run]:
    """Read what each pipeline was run on last.

    Raises:
        DataError: results are absent, or have other columns.
    """
    return [Run(pipeline, read_results(root, pipeline)) for pipeline in PIPELINES]


def own_tables(run: Run) -> list[str]:
    """Write a table of each of the user's own data sets: methods' metrics with standard errors."""
    return [dataset_table(run.results, name, errors=True) for name in run.own]


def own_chapter(root: Path, runs: Sequence[Run]) -> str:
    """Write the chapter with the results and every picture of these data sets; empty: there are none."""
    parts = []
    for run in runs:
        for name, table in zip(run.own, own_tables(run), strict=True):
            parts += [f"## {_plain_markdown(dataset_name(name))}", table]
            parts += [_shown(name, path) for path in _pictures(root, run.pipeline, f"{name}/**/*.png")]
            parts += _learnt(root, run.pipeline, name)
        if spanning := run.spanning_pictures(root):
            parts.append(f"## {run.pipeline.name}: all data sets of the run")
            parts += [_shown("", path) for path in spanning]
    if not parts:
        return ""
    about = (
        "Data sets that the other chapters aren't about: mean ± standard error over replicates. README and "
        "those chapters show the study's data sets, with the tables that they had before."
    )
    return "\n\n".join([f"# {OWN.name}", about, *parts]) + "\n"


def _learnt(root: Path, pipeline: Pipeline, dataset: str) -> list[str]:
    """Return what the package's imputers say that they learnt of a data set, each below its name."""
    methods = (root / pipeline.reports / "learnt").glob(f"*/{dataset}.md")
    pages = {path.parent.name: path.read_text(encoding="utf-8").strip() for path in methods}
    return [
        part
        for method in in_order(sorted(pages))
        for part in (f"### {_plain_markdown(method_name(method))}", pages[method])
    ]


def _pictures(root: Path, pipeline: Pipeline, pattern: str) -> list[str]:
    folder = root / pipeline.reports / "figures"
    return [path.relative_to(root).as_posix() for path in sorted(folder.glob(pattern))]


def _shown(dataset: str, path: str) -> str:
    name = Path(path).stem
    caption = _CAPTIONS.get(name, name.replace("_", " "))
    text = f"{dataset_name(dataset)}: {caption}" if dataset else caption[0].upper() + caption[1:]
    return f"![{_plain_markdown(text)}.](<{path}>)"


def _plain_markdown(text: str) -> str:
    """Escape a text, so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)
