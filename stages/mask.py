"""Make values of the complete tables go missing by the data set's mechanism."""

from notmiwae.files import whole_folder
from notmiwae.mechanisms.mechanism import apply_mechanism, mechanisms
from notmiwae.randomness import generator
from study.data.tables import (
    as_numbers,
    count_tables,
    read_stored,
    read_table,
    table_path,
    with_kinds,
    write_table,
)
from study.run.pipeline import COMPLETE, MASKED, arguments, entry, replicates, seed


def main() -> None:
    (name,) = arguments("dataset")
    mechanism = entry(mechanisms, f"datasets.{name}.mechanism")
    # A fixed table under a deterministic mechanism is masked once: every replicate would be the same.
    fixed = count_tables(COMPLETE / name) == 1
    once = fixed and mechanism.is_deterministic(read_table(COMPLETE / name, 0))
    with whole_folder(MASKED / name) as folder:
        for replicate in range(1 if once else replicates(name)):
            stored = read_stored(COMPLETE / name, replicate)
            draw = generator(seed(), "mask", name, replicate)
            masked = apply_mechanism(mechanism, as_numbers(stored), draw)
            write_table(with_kinds(masked, stored), table_path(folder, replicate))


main()
