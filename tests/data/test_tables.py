"""Tables on disk: read back as written, one a replicate or one for all; and the cells that complete them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.errors import DataError
from notmiwae.randomness import generator
from study.data.tables import ImputedCells, count_tables, missing_cells, read_table, table_path, write_table


def masked(rows=12, seed=0):
    draw = generator(seed, "table")
    table = pd.DataFrame(draw.normal(size=(rows, 3)), columns=["a", "b", "c"])
    return table.mask(draw.random((rows, 3)) < 0.4)


def cells(table, draws=4):
    row, column = missing_cells(table)
    draw = generator(1, "cells")
    return ImputedCells(row, column, draw.normal(size=len(row)), draw.normal(size=(len(row), draws)))


# --- tables


def test_a_table_is_read_back_to_the_last_bit(tmp_path):
    table = masked()
    write_table(table, table_path(tmp_path / "new", 7))
    write_table(table, table_path(tmp_path / "new", 8))
    pd.testing.assert_frame_equal(read_table(tmp_path / "new", 7), table, check_exact=True)


def test_the_same_table_is_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        write_table(masked(), tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_each_replicate_has_its_own_table(tmp_path):
    for replicate in range(3):
        write_table(masked(seed=replicate), table_path(tmp_path, replicate))
    assert count_tables(tmp_path) == 3
    for replicate in range(3):
        pd.testing.assert_frame_equal(read_table(tmp_path, replicate), masked(seed=replicate))


def test_a_single_table_is_every_replicates(tmp_path):
    write_table(masked(), table_path(tmp_path, 0))
    assert count_tables(tmp_path) == 1
    for replicate in (0, 3):
        pd.testing.assert_frame_equal(read_table(tmp_path, replicate), masked())


def test_tables_are_counted_beyond_a_thousand_replicates(tmp_path):
    for replicate in (0, 999, 1000):
        write_table(masked(2), table_path(tmp_path, replicate))
    assert count_tables(tmp_path) == 3
    assert read_table(tmp_path, 1000).shape == (2, 3)


def test_a_replicate_without_a_table_is_named(tmp_path):
    for replicate in (0, 1):
        write_table(masked(), table_path(tmp_path, replicate))
    with pytest.raises(DataError) as error:
        read_table(tmp_path, 5)
    assert str(error.value) == f"{tmp_path}/005.parquet: no such table; run the stage that writes {tmp_path}"


@pytest.mark.parametrize("exists", [False, True])
def test_an_absent_or_empty_folder_is_named(tmp_path, exists):
    folder = tmp_path / "masked"
    if exists:
        folder.mkdir()
        (folder / "notes.txt").touch()
    for read in (lambda: count_tables(folder), lambda: read_table(folder, 0)):
        with pytest.raises(DataError, match=f"^{folder}: no tables there; run the stage that writes it$"):
            read()


# --- imputed cells


def test_missing_cells_are_in_row_major_order():
    table = pd.DataFrame({"a": [np.nan, 1.0, np.nan], "b": [np.nan, np.nan, 2.0]})
    row, column = missing_cells(table)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 1), (2, 0)]


def test_filling_changes_the_missing_cells_alone():
    table = masked()
    before, imputed = table.copy(), cells(table)
    filled = imputed.fill(table)
    drawn = imputed.fill(table, imputed.draws[:, 2])
    missing = table.isna().to_numpy()
    assert np.array_equal(filled[missing], imputed.mean)
    assert np.array_equal(drawn[missing], imputed.draws[:, 2])
    assert np.array_equal(filled[~missing], table.to_numpy()[~missing])
    assert np.array_equal(drawn[~missing], table.to_numpy()[~missing])
    pd.testing.assert_frame_equal(table, before)


@given(st.integers(1, 30), st.integers(0, 5), st.integers(0, 2**31))
def test_cells_of_completed_tables_complete_the_table_again(rows, draws, seed):
    table = masked(rows, seed)
    missing = table.isna().to_numpy()
    filled, *drawn = (
        np.where(missing, generator(seed, "fill", m).normal(size=missing.shape), table)
        for m in range(draws + 1)
    )
    found = ImputedCells.of(table, filled, drawn)
    assert found.draws.shape == (missing.sum(), draws)
    assert np.array_equal(found.fill(table), filled)
    for m, each in enumerate(drawn):
        assert np.array_equal(found.fill(table, found.draws[:, m]), each)


@pytest.mark.parametrize("draws", [0, 1, 12])
def test_cells_are_read_back_their_means_exactly_their_draws_in_single_precision(tmp_path, draws):
    before = cells(masked(), draws)
    before.write(tmp_path / "cells.parquet")
    after = ImputedCells.read(tmp_path / "cells.parquet")
    assert np.array_equal(after.row, before.row)
    assert np.array_equal(after.column, before.column)
    assert np.array_equal(after.mean, before.mean)
    assert np.array_equal(after.draws, before.draws.astype(np.float32))
    assert after.draws.dtype == np.float64


def test_a_table_without_missing_cells_has_none_to_write(tmp_path):
    table = masked().fillna(0.0)
    found = ImputedCells.of(table, table.to_numpy(), [table.to_numpy()])
    found.write(tmp_path / "cells.parquet")
    assert len(ImputedCells.read(tmp_path / "cells.parquet").row) == 0
    assert np.array_equal(found.fill(table), table.to_numpy())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["mean", "draw"])
def test_an_imputed_value_that_is_not_finite_is_named(bad, where):
    table = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [np.nan, 5.0, np.nan]})
    filled, drawn = (table.fillna(0.0).to_numpy(copy=True) for _ in range(2))
    (filled if where == "mean" else drawn)[2, 1] = bad
    with pytest.raises(DataError, match=r"^row 2, column 'b': imputed with a value that isn't finite$"):
        ImputedCells.of(table, filled, [drawn, table.fillna(1.0).to_numpy()])


def test_an_observed_cell_may_hold_anything():
    table = pd.DataFrame({"a": [np.inf, np.nan]})
    assert ImputedCells.of(table, np.array([[np.inf], [1.0]])).mean.tolist() == [1.0]
