"""Gather the side studies that take longer than the benchmark: tables, a figure, and the page about them."""

from notmiwae.plot_style import save
from study.reporting.page_template import write_page
from study.reporting.robustness import gather, robustness, texts, values_in_prose
from study.run.pipeline import REPORTS, arguments


def main() -> None:
    arguments()
    inputs = gather()
    write_page("long", texts(inputs), values_in_prose(inputs))
    save(robustness(inputs.seeds, inputs.published), REPORTS / "figures/robustness.png")


main()
