"""Gather the studies that take longer than the benchmark: tables, a figure, and the page about them."""

from notmiwae.pipeline import REPORTS, arguments
from notmiwae.reporting.long import gather, picture, prose, texts
from notmiwae.reporting.page import write_page
from notmiwae.reporting.style import save


def main() -> None:
    arguments()
    inputs = gather()
    write_page("long", texts(inputs), prose(inputs))
    save(picture(inputs), REPORTS / "figures/robustness.png")


main()
