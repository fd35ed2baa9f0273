"""Gather the studies that take longer than the benchmark: tables, a figure, and the page about them."""

from notmiwae.plot_style import save
from study.reporting.page_template import write_page
from study.reporting.robustness import gather, picture, prose, texts
from study.run.pipeline import REPORTS, arguments


def main() -> None:
    arguments()
    inputs = gather()
    write_page("long", texts(inputs), prose(inputs))
    save(picture(inputs), REPORTS / "figures/robustness.png")


main()
