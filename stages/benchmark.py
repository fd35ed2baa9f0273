"""Gather the six-table benchmark: results beside the published ones, tests, figures and their page."""

from notmiwae.files import write_json
from notmiwae.plot_style import save
from study.data.tables import write_csv
from study.reporting.benchmark import compute_findings, figures, tables, texts, values_in_prose
from study.reporting.benchmark_inputs import gather
from study.reporting.environment import environment
from study.reporting.page_template import write_page
from study.run.pipeline import REPORTS, arguments


def main() -> None:
    arguments()
    inputs = gather()
    findings = compute_findings(inputs)
    write_page("results", texts(inputs, findings), values_in_prose(inputs, findings))
    for name, table in tables(inputs, findings).items():
        write_csv(table, REPORTS / name)
    for name, drawn in figures(inputs, findings).items():
        save(drawn, REPORTS / "figures" / f"{name}.png")
    write_json(REPORTS / "environment.json", environment())


main()
