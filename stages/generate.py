"""Draw or read the complete tables of a data set, one for each replicate, or one if they are all the same."""

from notmiwae.files import whole_folder
from notmiwae.randomness import generator
from study.data.datasets import DatasetSpec
from study.run.pipeline import COMPLETE, arguments, section, seed
from study.run.tables import table_path, write_table


def main() -> None:
    (name,) = arguments("dataset")
    dataset = section(DatasetSpec, f"datasets.{name}")
    with whole_folder(COMPLETE / name) as folder:
        for replicate in range(1 if dataset.source.fixed else dataset.replicates):
            table = dataset.source.draw(generator(seed(), "generate", name, replicate))
            write_table(table, table_path(folder, replicate))


main()
