"""Gather the ladder: results, paired differences, ranks, figures, and the page about them."""

from notmiwae.files import whole_folder, write_json
from notmiwae.plot_style import save
from study.data.tables import write_csv
from study.ladder.ladder_cells import cells
from study.ladder.rungs import LadderSpec
from study.reporting.environment import environment
from study.reporting.ladder_page import blocks, figures, values_in_prose
from study.reporting.ladder_results import metric_files, paired_differences, read_ladder
from study.reporting.page_template import write_page
from study.run.pipeline import REPORTS, arguments, section


def main() -> None:
    arguments()
    ladder = section(LadderSpec, "ladder")
    found = read_ladder(ladder.run, list(cells(ladder)))
    write_csv(found.results, REPORTS / "results.csv")
    paired = paired_differences(found)
    write_csv(paired, REPORTS / "paired.csv")
    with whole_folder(REPORTS / "metrics") as folder:
        for path, values in metric_files(found.results).items():
            write_json(folder / path, values)
    for name, drawn in figures(found).items():
        save(drawn, REPORTS / "figures" / f"{name}.png")
    write_page("ladder", blocks(found), values_in_prose(found))
    write_json(REPORTS / "environment.json", environment())


main()
