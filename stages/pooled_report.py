"""Show how often pooled intervals hold: a summary, a table, a figure, and the page about them."""

from notmiwae.plot_style import save
from study.data.tables import write_csv
from study.inference.summary import summary
from study.reporting.page_template import write_page
from study.reporting.pooled_intervals import pooled_figure, pooled_table, read_intervals, values_in_prose
from study.run.pipeline import REPORTS, arguments, params


def main() -> None:
    arguments()
    pooled = params()["pooled"]
    found = summary(read_intervals(pooled["run"]["parts"]), pooled["source"]["correlation"])
    write_csv(found, REPORTS / "pooled.csv")
    write_page("pooled", {"pooled": pooled_table(found)}, values_in_prose(found, pooled))
    save(pooled_figure(found), REPORTS / "figures/pooled.png")


main()
