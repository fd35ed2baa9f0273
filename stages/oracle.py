"""Impute a synthetic data set as well as is possible: with its distribution and mechanism known."""

from notmiwae.files import whole_folder
from study.data.datasets import DatasetSpec
from study.data.tables import ImputedCells, count_tables, read_table, table_path
from study.evaluation.oracle import oracle
from study.run.grid import ORACLE
from study.run.pipeline import COMPLETE, IMPUTED, MASKED, arguments, cell_folder, section


def main() -> None:
    (name,) = arguments("dataset")
    dataset = section(DatasetSpec, f"datasets.{name}")
    with whole_folder(cell_folder(IMPUTED, name, ORACLE)) as folder:
        for replicate in range(count_tables(MASKED / name)):
            masked = read_table(MASKED / name, replicate)
            filled = oracle(dataset, read_table(COMPLETE / name, replicate), masked)
            ImputedCells.of(masked, filled).write(table_path(folder, replicate))


main()
