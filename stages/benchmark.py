"""Gather the six-table benchmark: results beside the published ones, tests, figures and their page."""

from notmiwae.evaluation.replicates import write_csv
from notmiwae.files import write_json
from notmiwae.pipeline import REPORTS, arguments
from notmiwae.reporting.benchmark import figures_in_prose, findings, pictures, tables, texts
from notmiwae.reporting.environment import environment
from notmiwae.reporting.gather import gather
from notmiwae.reporting.page import write_page
from notmiwae.reporting.style import save


def main() -> None:
    arguments()
    inputs = gather()
    found = findings(inputs)
    write_page("results", texts(inputs, found), figures_in_prose(inputs, found))
    for name, table in tables(inputs, found).items():
        write_csv(table, REPORTS / name)
    for name, drawn in pictures(inputs, found).items():
        save(drawn, REPORTS / "figures" / f"{name}.png")
    write_json(REPORTS / "environment.json", environment())


main()
