"""The report's chapters in their order, and every path that `study.site` reads or writes."""

from dataclasses import dataclass
from pathlib import Path

PAGE = "reports/index.html"
"""The report."""

SUMMARY = "reports/summary.md"
"""The tables that matter, for a pull request."""


@dataclass(frozen=True)
class Chapter:
    """A part of the report: a page of the repository, or one that is made for the report.

    Attributes:
        path: Markdown file, as seen from the repository's root; a plain name if it's generated.
        name: Name in the table of contents.
        about: Line that tells a reader whether to unfold it; empty: it's open from the start.
    """

    path: str
    name: str
    about: str = ""


CHAPTERS = (
    Chapter("docs/study.md", "The published study"),
    Chapter(
        "docs/images.md", "Images", "Digits that lose pixels in three ways, and what it takes to paint them."
    ),
    Chapter(
        "docs/results.md",
        "Six tables",
        "Sixteen methods, cell by cell beside the printed errors, and what each part is worth.",
    ),
    Chapter(
        "docs/ladder.md",
        "The ladder",
        "What happens where the assumption is wrong, or left out, and on cells that are really missing.",
    ),
    Chapter(
        "docs/pooled.md", "Pooled intervals", "How often intervals pooled by Rubin's rules hold the truth."
    ),
    Chapter(
        "docs/long.md", "Longer studies", "Twenty seeds of each of the six tables, and the published recipe."
    ),
    Chapter(
        "docs/sweep.md", "Hyperparameter search", "What the held-out bound depends on, and whether it tells."
    ),
    Chapter("docs/wages.md", "An example", "From missing wages to an estimate with an honest interval."),
    Chapter("docs/method.md", "The method", "The mathematics: model, bound, missing processes, imputation."),
    Chapter(
        "docs/api.md", "API reference", "What a program imports: classes, functions and their arguments."
    ),
    Chapter(
        "benchmarks/README.md", "Speed and memory", "Seconds and bytes, beside scikit-learn's imputers too."
    ),
    Chapter(
        "docs/guarantees.md",
        "Guarantees",
        "Equal bits for whom, and what a kill, a full disk or a damaged file can do.",
    ),
    Chapter("results", "All metrics", "Every metric of every method, in a table for each data set."),
    Chapter("provenance", "Provenance", "Versions, seeds and checksums of what decides the results."),
)

OWN = Chapter("own", "Your data sets")
"""First chapter where a pipeline has results of data sets that its page isn't about (`own_datasets`)."""


@dataclass(frozen=True)
class Pipeline:
    """A pipeline of the repository, whose results the report shows.

    Attributes:
        name: Name in the report.
        folder: Folder of its params.yaml and dvc.lock.
        reports: Folder of its results.
        datasets: Data sets that README and its page are about: those that are committed. Any other that its
            results name is a user's own.
    """

    name: str
    folder: str
    reports: str
    datasets: tuple[str, ...]


STUDY = Pipeline("The published study", ".", "reports", ("gaussian", "ring", "mnist"))
IMAGES = Pipeline("Images", "images", "images/reports", ("clip", "block"))
PAPER = Pipeline(
    "Six tables", "paper", "paper/reports", ("banknote", "concrete", "red", "white", "yeast", "breast")
)
PIPELINES = (STUDY, IMAGES, PAPER)

LADDER = "ladder/reports"
"""Folder of the ladder's results, which have a column more than those of `PIPELINES`: the mechanism."""

SUMMARISED = (
    ("The published study, RMSE", f"{STUDY.reports}/table.md"),
    ("Images, RMSE", f"{IMAGES.reports}/table.md"),
    ("Six tables", f"{PAPER.reports}/summary.md"),
    ("The ladder, RMSE", f"{LADDER}/summary.md"),
)
"""Titles and tables of `SUMMARY`."""

FILLED = ("README.md", "docs/study.md", "docs/images.md", "docs/sweep.md", "benchmarks/README.md")
"""Hand-written pages with tables of results between `<!-- FILE -->` and `<!-- end of FILE -->`."""

_REPORTS = (
    *(pipeline.reports for pipeline in PIPELINES),
    LADDER,
    "long/reports",
    "sweep/gaussian/reports",
    "sweep/banknote/reports",
)

TABLES = (*_REPORTS, "benchmarks/results")
"""Folders whose Markdown files are tables that pages show."""

FIGURES = (*(f"{reports}/figures" for reports in _REPORTS), "benchmarks/results")
"""Folders whose every picture the report has to show."""

INPUTS = (
    *(str(Path(pipeline.folder, name)) for pipeline in PIPELINES for name in ("params.yaml", "dvc.lock")),
    "ladder/params.yaml",
    "ladder/dvc.lock",
    "requirements.lock",
)
"""Files that decide the results: the report holds their checksums."""
