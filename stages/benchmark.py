"""Gather the six-table benchmark: results beside the published ones, tests, figures and their page."""

from pathlib import Path

from notmiwae.evaluation.replicates import write_csv
from notmiwae.files import whole_file, write_json
from notmiwae.pipeline import REPORTS, arguments
from notmiwae.reporting.benchmark import figures_in_prose, findings, pictures, tables, texts
from notmiwae.reporting.environment import environment
from notmiwae.reporting.gather import gather
from notmiwae.reporting.page import fill, read_template
from notmiwae.reporting.style import save

DOCS = Path("../docs")


def write_text(path: Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main() -> None:
    arguments()
    template = read_template(DOCS / "results.template.md")
    inputs = gather()
    found = findings(inputs)
    blocks = texts(inputs, found)
    page = fill(template, blocks, figures_in_prose(inputs, found), "results.template.md")
    for name, table in tables(inputs, found).items():
        write_csv(table, REPORTS / name)
    for name, text in blocks.items():
        write_text(REPORTS / f"{name}.md", text)
    for name, drawn in pictures(inputs, found).items():
        save(drawn, REPORTS / "figures" / f"{name}.png")
    write_json(REPORTS / "environment.json", environment())
    write_text(DOCS / "results.md", page)


main()
