"""Draw or read the complete tables of a data set, one for each replicate, or one if they are all the same."""

from notmiwae.files import whole_folder
from notmiwae.randomness import generator
from study.data.sources.source import sources
from study.data.tables import table_path, write_table
from study.run.pipeline import COMPLETE, arguments, entry, replicates, seed


def main() -> None:
    (name,) = arguments("dataset")
    source = entry(sources, f"datasets.{name}.source")
    with whole_folder(COMPLETE / name) as folder:
        for replicate in range(1 if source.fixed else replicates(name)):
            table = source.draw(generator(seed(), "generate", name, replicate))
            write_table(table, table_path(folder, replicate))


main()
