"""Builds the report from the pages and results that are committed, and keeps their tables current."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from notmiwae.errors import DataError
from notmiwae.files import whole_file
from notmiwae.site.chapters import CHAPTERS, FIGURES, TABLES
from notmiwae.site.made import provenance, results_chapter, results_tables
from notmiwae.site.markdown import Renderer, slug

PAGE = "reports/index.html"
SUMMARY = "reports/summary.md"
FILLED = ("README.md", "docs/study.md", "docs/images.md", "docs/sweep.md", "benchmarks/README.md")
"""Hand-written pages with tables of results between `<!-- FILE -->` and `<!-- end of FILE -->`."""
_INPUTS = (
    "params.yaml",
    "dvc.lock",
    "images/params.yaml",
    "images/dvc.lock",
    "paper/params.yaml",
    "paper/dvc.lock",
    "requirements.lock",
)
_BLOCK = re.compile(r"<!-- (?!end of )(\S+\.md) -->\n.*?<!-- end of \1 -->", re.S)


def page(root: Path) -> str:
    """The report as HTML.

    Raises:
        DataError: a file that a page shows or links to isn't there, or a picture of the results is shown
            nowhere.
    """
    made_tables = results_tables(root)
    made = {"results": results_chapter(made_tables), "provenance": provenance(root, _INPUTS)}
    tables = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in _markdown_files(root)}
    anchors = {chapter.path: slug(chapter.name) for chapter in CHAPTERS}
    renderer = Renderer(root, PAGE, anchors, tables | made_tables, made)
    chapters = []
    for chapter in CHAPTERS:
        html, sections = renderer.render(chapter.path)
        chapters.append(
            {"name": chapter.name, "anchor": anchors[chapter.path], "html": html, "sections": sections}
        )
    for folder in FIGURES:
        for picture in sorted((root / folder).rglob("*.png")):
            if str(picture.relative_to(root)) not in renderer.pictures:
                raise DataError(f"{picture.relative_to(root)}: no page of the report shows it")
    texts = {name: _template(name) for name in ("layout.html.j2", "style.css", "sort.js")}
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(texts["layout.html.j2"])
    return template.render(chapters=chapters, style=texts["style.css"], script=texts["sort.js"])


def summary(root: Path) -> str:
    """The tables that matter, for a pull request."""
    parts = ["# Results"]
    for title, path in (
        ("The published study, RMSE", "reports/table.md"),
        ("Images, RMSE", "images/reports/table.md"),
        ("Six tables", "paper/reports/summary.md"),
    ):
        parts += [f"## {title}", (root / path).read_text(encoding="utf-8").strip()]
    return "\n\n".join(parts) + "\n"


def filled(root: Path, path: str) -> str:
    """A hand-written page with its tables as they are now.

    Raises:
        DataError: a table isn't there.
    """

    def current(found: re.Match[str]) -> str:
        table = root / found[1]
        if not table.is_file():
            raise DataError(f"{path}: there is no {found[1]} to fill it with")
        text = table.read_text(encoding="utf-8").strip()
        return f"<!-- {found[1]} -->\n\n{text}\n\n<!-- end of {found[1]} -->"

    return _BLOCK.sub(current, (root / path).read_text(encoding="utf-8"))


def write(root: Path) -> None:
    """Write the tables into the pages, then the summary and the report."""
    for path in FILLED:
        _write(root / path, filled(root, path))
    _write(root / SUMMARY, summary(root))
    _write(root / PAGE, page(root))


def _markdown_files(root: Path) -> list[Path]:
    found = [path for folder in TABLES for path in sorted((root / folder).glob("*.md"))]
    # What is made of others is the source of none.
    return [path for path in found if path != root / SUMMARY]


def _template(name: str) -> str:
    return files("notmiwae.site").joinpath("templates", name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
