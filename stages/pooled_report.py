"""Show how often pooled intervals hold: a table, a figure, and the page about them."""

from notmiwae.plot_style import save
from study.reporting.page_template import write_page
from study.reporting.pooled_intervals import pooled_figure, pooled_table, read_pooled, values_in_prose
from study.run.pipeline import REPORTS, arguments, params


def main() -> None:
    arguments()
    found = read_pooled()
    write_page("pooled", {"pooled": pooled_table(found)}, values_in_prose(found, params()["pooled"]))
    save(pooled_figure(found), REPORTS / "figures/pooled.png")


main()
