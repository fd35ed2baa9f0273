"""Draw the ladder's figures, and write its tables and the page about it."""

import pandas as pd

from notmiwae.plot_style import save
from study.ladder.rungs import LadderSpec
from study.reporting.ladder_page import blocks, figures, values_in_prose
from study.reporting.ladder_results import LadderResults
from study.reporting.page_template import write_page
from study.run.pipeline import REPORTS, arguments, section


def main() -> None:
    arguments()
    ladder = section(LadderSpec, "ladder")
    results = pd.read_csv(REPORTS / "results.csv")
    found = LadderResults(results, list(ladder.rungs), list(ladder.tables))
    for name, drawn in figures(found).items():
        save(drawn, REPORTS / "figures" / f"{name}.png")
    write_page("ladder", blocks(found), values_in_prose(found))


main()
