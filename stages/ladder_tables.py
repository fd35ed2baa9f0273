"""Draw the ladder's complete tables, and take values from them as each rung does."""

from notmiwae.files import whole_folder
from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.randomness import generator
from study.data.tables import table_path, write_table
from study.ladder.rungs import LIMIT, LadderSpec
from study.run.pipeline import COMPLETE, MASKED, section, seed


def main() -> None:
    ladder = section(LadderSpec, "ladder")
    tables = {
        (name, r): table.draw(seed(), name, r)
        for name, table in ladder.tables.items()
        for r in range(ladder.replicates)
    }
    with whole_folder(COMPLETE) as folder:
        for (name, r), complete in tables.items():
            write_table(complete, table_path(folder / name, r))
    with whole_folder(MASKED) as folder:
        for rung, name in ladder.pairs():
            for r in range(ladder.replicates):
                complete = tables[name, r]
                if ladder.rungs[rung].limit:
                    limits = generator(seed(), "limit", name, r).normal(size=len(complete))
                    complete = complete.assign(**{LIMIT: limits})
                mechanism = ladder.rungs[rung].built(ladder.tables[name], list(complete.columns))
                masked = apply_mechanism(mechanism, complete, generator(seed(), "mask", rung, name, r))
                write_table(masked, table_path(folder / rung / name, r))


main()
