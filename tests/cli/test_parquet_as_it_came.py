"""Parquet files: every type leaves as it came, and so do the names of rows."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

QUICK = ["--missing-process", "mar", "--steps", "3", "--members", "1", "--samples", "3"]
ROWS = 60
draw = np.random.default_rng(0)
X = draw.normal(50, 10, ROWS)


def gappy(values):
    return [None if number % 7 == 0 else value for number, value in enumerate(values)]


def imputed(notmiwae, tmp_path, table, *typed):
    parquet.write_table(table, tmp_path / "in.parquet")
    found = notmiwae("impute", tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", *QUICK, *typed)
    assert found.status == 0, found.err
    return parquet.read_table(tmp_path / "out.parquet"), found.err


COLUMNS = {
    "decimal": pa.array(gappy([Decimal(f"{x:.2f}") for x in X]), pa.decimal128(10, 2)),
    "single": pa.array(gappy(X.astype(np.float32)), pa.float32()),
    "whole": pa.array(gappy(X.astype(int)), pa.int16()),
    "truth": pa.array(gappy([bool(x > 50) for x in X])),
    "text": pa.array(gappy(["high" if x > 50 else "low" for x in X])),
    "dictionary": pa.array(gappy(["high" if x > 50 else "low" for x in X])).dictionary_encode(),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_keeps_its_type_and_what_was_seen(notmiwae, tmp_path, name):
    column = COLUMNS[name]
    before = pa.table({"own": column, "other": pa.array(X)})
    after, _ = imputed(notmiwae, tmp_path, before)
    assert after.schema == before.schema
    assert after["own"].null_count == 0
    seen = [number for number in range(ROWS) if number % 7]
    assert after["own"].take(seen).to_pylist() == before["own"].take(seen).to_pylist()
    assert after["other"].equals(before["other"])


def test_whole_numbers_that_are_imputed_by_others_become_numbers(notmiwae, tmp_path):
    after, _ = imputed(
        notmiwae, tmp_path, pa.table({"own": COLUMNS["whole"], "x": X}), "--kind", "own=continuous"
    )
    assert after.schema.field("own").type == pa.float64()


def test_dates_are_carried_along_and_that_is_said(notmiwae, tmp_path):
    when = [dt.datetime(2026, 1, 1) + dt.timedelta(hours=number) for number in range(ROWS)]
    table = pa.table({"when": pa.array(gappy(when)), "x": gappy(X), "y": X})
    after, said = imputed(notmiwae, tmp_path, table)
    assert after["when"].equals(table["when"])
    assert "when: holds timestamp[us], which isn't modelled; it's carried along" in said


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(10, 10 + ROWS, name="number"),
        pd.Index([f"r{number}" for number in range(ROWS)], name="row"),
        pd.MultiIndex.from_arrays([np.arange(ROWS) // 10, np.arange(ROWS) % 10], names=["ward", "bed"]),
    ],
)
def test_the_names_of_rows_are_there_afterwards(notmiwae, tmp_path, index):
    frame = pd.DataFrame({"x": X, "y": X + draw.normal(size=ROWS)}, index=index)
    frame.iloc[::7, 0] = np.nan
    frame.to_parquet(tmp_path / "in.parquet")
    found = notmiwae("impute", tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", *QUICK)
    assert found.status == 0, found.err
    after = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_index_equal(after.index, frame.index)
    pd.testing.assert_series_equal(after["y"], frame["y"])
    assert after["x"].notna().all()
