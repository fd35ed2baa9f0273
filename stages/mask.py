"""Make values of the complete tables go missing by the data set's mechanism."""

from notmiwae.files import whole_folder
from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.randomness import generator
from study.data.datasets import DatasetSpec
from study.run.pipeline import COMPLETE, MASKED, arguments, section, seed
from study.run.tables import count_tables, read_table, table_path, write_table


def main() -> None:
    (name,) = arguments("dataset")
    dataset = section(DatasetSpec, f"datasets.{name}")
    tables = count_tables(COMPLETE / name)
    complete = read_table(COMPLETE / name, 0)
    # A fixed table under a deterministic mechanism is masked once: every replicate would be the same.
    fixed = tables == 1 and dataset.mechanism.is_deterministic(complete)
    with whole_folder(MASKED / name) as folder:
        for replicate in range(1 if fixed else dataset.replicates):
            complete = read_table(COMPLETE / name, replicate)
            draw = generator(seed(), "mask", name, replicate)
            write_table(apply_mechanism(dataset.mechanism, complete, draw), table_path(folder, replicate))


main()
