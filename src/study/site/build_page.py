"""Build the report from the pages and results that are committed, and keep their tables current."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from notmiwae.errors import DataError
from notmiwae.files import whole_file
from study.site.chapters import CHAPTERS, FIGURES, FILLED, OWN, PAGE, STUDY, SUMMARISED, SUMMARY, TABLES
from study.site.generated_chapters import provenance, results_chapter, results_tables
from study.site.markdown import Renderer, slug
from study.site.opening import chart, findings
from study.site.own_datasets import Run, own_chapter, own_tables, read_runs
from study.site.site_inputs import read_text, repository

_BLOCK = re.compile(r"<!-- (?!end of )(\S+\.md) -->\n.*?<!-- end of \1 -->", re.S)
_TEMPLATES = Environment(
    loader=PackageLoader("study.site"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(root: Path) -> str:
    """Return the report as HTML.

    Raises:
        NotMIWAEError: a file that a page shows or links to isn't there, or a picture of the results is shown
            nowhere.
    """
    runs = read_runs(root)
    own = own_chapter(root, runs)
    chapters = ([OWN] if own else []) + list(CHAPTERS)
    renderer = _renderer(root, runs, {chapter.path: slug(chapter.name) for chapter in chapters}, own)
    parts = []
    for chapter in chapters:
        html, sections = renderer.render(chapter.path)
        title, end, rest = html.partition("</h2>\n")
        if not title.startswith("<h2") or not end:
            raise DataError(
                f"{chapter.path}: starts with {html[:40]!r}; a chapter starts with its title, `# …`"
            )
        part = {"name": chapter.name, "anchor": slug(chapter.name), "sections": sections}
        parts.append(part | {"title": title + end.strip(), "html": rest, "about": chapter.about})
    _check_pictures(root, renderer.pictures)
    return _TEMPLATES.get_template("layout.html.j2").render(
        chapters=parts,
        chart=chart(root),
        findings=findings(root),
        own=slug(OWN.name) if own else "",
        source=renderer.source(f"{STUDY.reports}/results.csv"),
    )


def summary(root: Path) -> str:
    """Return the tables that matter, for a pull request.

    Raises:
        DataError: a table isn't there.
    """
    runs = read_runs(root)
    parts = ["# Results"]
    for title, path in SUMMARISED:
        notes = [f"{run.note()}." for run in runs if run.note() and run.made(path)]
        parts += [f"## {title}", *notes, read_text(root, path).strip()]
    return "\n\n".join(parts) + "\n"


def filled(root: Path, path: str) -> str:
    """Return a hand-written page with its tables as they are now.

    Tables of a pipeline whose last run was of other data sets than its pages are about stay as they are.

    Raises:
        DataError: a table isn't there.
    """
    others = [run for run in read_runs(root) if run.note()]

    def current(block: re.Match[str]) -> str:
        table = block[1]
        if any(run.made(table) for run in others):
            return block[0]
        if not (root / table).is_file():
            raise DataError(f"{path}: there is no {table} to fill it with")
        return f"<!-- {table} -->\n\n{read_text(root, table).strip()}\n\n<!-- end of {table} -->"

    return _BLOCK.sub(current, read_text(root, path))


def write(root: Path) -> list[str]:
    """Make the tables of the pages, the summary and the report; then, if nothing is amiss, write all of them.

    Returns:
        What was left as it was, and why: a line for each pipeline that was run on other data sets.

    Raises:
        NotMIWAEError: something that they are made of is absent or can't be read; no file has changed.
        OSError: a file can't be written; no file has changed unless it was in the last step, their renaming.
    """
    texts = {path: filled(root, path) for path in FILLED}
    texts |= {SUMMARY: summary(root), PAGE: page(root)}
    with ExitStack() as files:
        for path, text in texts.items():
            files.enter_context(whole_file(root / path)).write_text(text, encoding="utf-8")
    return [
        f"{run.note()}: README.md and docs/ keep the tables they have"
        + (f"; these data sets have a chapter in {PAGE}" if run.own else "")
        for run in read_runs(root)
        if run.note()
    ]


def _renderer(root: Path, runs: Sequence[Run], anchors: dict[str, str], own: str) -> Renderer:
    by_pipeline = [results_tables(run.results) for run in runs]
    tables = {path: read_text(root, path) for path in _table_files(root)}
    for run, results in zip(runs, by_pipeline, strict=True):
        tables[f"{run.pipeline.reports}/results.csv"] = "\n\n".join(results + own_tables(run))
    made = {OWN.path: own, "results": results_chapter(by_pipeline), "provenance": provenance(root)}
    made |= {path: filled(root, path) for path in FILLED}
    moved = {picture: OWN.path for run in runs for picture in run.spanning_pictures(root)}
    return Renderer(root, anchors, tables, made, repository(root), moved)


def _check_pictures(root: Path, shown: Sequence[str]) -> None:
    for folder in FIGURES:
        for picture in sorted((root / folder).rglob("*.png")):
            if str(picture.relative_to(root)) not in shown:
                raise DataError(f"{picture.relative_to(root)}: no page of the report shows it")


def _table_files(root: Path) -> Iterator[str]:
    for folder in TABLES:
        for table in sorted((root / folder).glob("*.md")):
            # What is made of others is the source of none.
            if (path := str(table.relative_to(root))) != SUMMARY:
                yield path
