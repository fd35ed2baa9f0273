"""Gather what all methods made of the ladder's tables: results, paired differences, metrics."""

from notmiwae.files import whole_folder, write_json
from study.data.tables import write_csv
from study.ladder.ladder_cells import cells
from study.ladder.rungs import LadderSpec
from study.reporting.environment import environment
from study.reporting.ladder_results import metric_files, paired_differences, read_ladder
from study.run.pipeline import REPORTS, arguments, section


def main() -> None:
    arguments()
    ladder = section(LadderSpec, "ladder")
    results, errors = read_ladder(ladder.run.all(), list(cells(ladder)))
    write_csv(results, REPORTS / "results.csv")
    write_csv(paired_differences(errors), REPORTS / "paired.csv")
    with whole_folder(REPORTS / "metrics") as folder:
        for path, values in metric_files(results).items():
            write_json(folder / path, values)
    write_json(REPORTS / "environment.json", environment())


main()
