"""Completed tables in the user's own format: what was seen stands as it came, beside what was imputed."""

from pathlib import Path

import pandas as pd

from notmiwae.arrays import Floats
from notmiwae.cli.table_output import frame_writer, long_format, table_writer, write_all
from notmiwae.estimators.columns import encode, fill
from study.data.sources.own_table import OwnTable
from study.data.tables import ImputedCells


def write_completed(source: OwnTable, cells: list[ImputedCells], folder: Path) -> None:
    """Write of each replicate the completed table, and the draws below each other as `--draws-out` does.

    Gaps of the file are filled; a value that a mechanism took for an evaluation stands as it was seen.

    Arguments:
        source: The user's table.
        cells: Imputed cells of each replicate.
        folder: Folder for the files, which is there.
    """
    table = source.table()
    columns = source.columns(table)
    seen = pd.DataFrame(encode(columns, table.modelled), columns=table.modelled.columns)

    def completed(imputed: ImputedCells, values: Floats) -> pd.DataFrame:
        filled = fill(columns, table.modelled, imputed.fill(seen, values))
        return table.frame.assign(**{str(name): filled[name] for name in filled})

    ending = "".join(source.file.suffixes[-2:]) if source.file.suffix == ".gz" else source.file.suffix
    for replicate, imputed in enumerate(cells):
        mean = completed(imputed, imputed.mean)
        draws = [completed(imputed, imputed.draws[:, m]) for m in range(imputed.draws.shape[1])]
        whole, drawn = (folder / f"{replicate:03d}{end}{ending}" for end in ("", "-draws"))
        stacked = long_format(drawn, table, draws)
        write_all(
            {
                whole: table_writer(whole, mean, table),
                drawn: frame_writer(drawn, stacked, table, header=True),
            }
        )
