"""What the report is made of, in its order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chapter:
    """A part of the report: a page of the repository, or one that is made for the report.

    Attributes:
        path: A Markdown file, as seen from the repository's root; a plain name if it's made (`made.py`).
        name: What the table of contents calls it.
    """

    path: str
    name: str


CHAPTERS = (
    Chapter("docs/study.md", "The published study"),
    Chapter("docs/images.md", "Images"),
    Chapter("docs/results.md", "Six tables"),
    Chapter("docs/long.md", "Longer studies"),
    Chapter("docs/sweep.md", "Hyperparameter search"),
    Chapter("docs/wages.md", "An example"),
    Chapter("benchmarks/README.md", "Speed and memory"),
    Chapter("docs/guarantees.md", "Guarantees"),
    Chapter("results", "Every figure"),
    Chapter("provenance", "Provenance"),
)

TABLES = (
    "reports",
    "images/reports",
    "paper/reports",
    "reports/sweep",
    "paper/reports/sweep",
    "benchmarks/results",
)
"""Folders whose Markdown files are tables that pages show."""

FIGURES = ("reports/figures", "images/reports/figures", "paper/reports/figures", "benchmarks/results")
"""Folders whose every picture the report has to show."""
