"""A file that is read in pieces: what comes out is what would if it were read as a whole."""

import filecmp
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from small_tables import QUICK, complete_table, masked_table

from notmiwae.cli import out_of_core as large
from notmiwae.cli.chunked_io import opened, sample
from notmiwae.errors import DataError

ROWS = 2500
PLAIN = SimpleNamespace(separator=None, encoding=None, comment=None, no_header=False)


@pytest.fixture
def small_pieces(monkeypatch):
    """Call it, and every file is large."""

    def shrink():
        monkeypatch.setattr(large, "WHOLE", 10)
        monkeypatch.setattr(large, "_PIECE", 1024)

    return shrink


@pytest.fixture(params=[".csv", ".parquet"])
def table(request, tmp_path):
    path = tmp_path / f"in{request.param}"
    frame = masked_table(ROWS)
    frame.to_csv(path, index=False) if request.param == ".csv" else frame.to_parquet(path, index=False)
    return path


def options(table, name, *more):
    folder, kind = table.parent, table.suffix
    return ["impute", table, "-o", folder / f"{name}{kind}", "--ignore", "id", *QUICK, *more]


def read(path):
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def test_pieces_give_what_the_whole_table_gives(notmiwae, table, small_pieces):
    draws = ["--draws", "3", "--draws-out"]
    whole = notmiwae(*options(table, "whole", *draws, table.parent / f"draws_whole{table.suffix}", "--json"))
    small_pieces()
    pieces = notmiwae(*options(table, "parts", *draws, table.parent / f"draws_parts{table.suffix}", "--json",
                               "--model-out", table.parent / "model"))  # fmt: skip
    assert (whole.status, pieces.status) == (0, 0)
    changed = {"output": None}
    assert whole.json() | changed == pieces.json() | changed
    assert "read in pieces" in pieces.err
    found = {name: read(table.parent / f"{name}{table.suffix}") for name in ("whole", "parts")}
    # Which type holds a column depends on its values in a Parquet file, so compare the values.
    pd.testing.assert_frame_equal(found["whole"], found["parts"], check_dtype=False, check_categorical=False)
    long = [read(table.parent / f"draws_{name}{table.suffix}") for name in ("whole", "parts")]
    ordered = [each.sort_values([".imp", ".id"]).reset_index(drop=True) for each in long]
    pd.testing.assert_frame_equal(*ordered, check_dtype=False, check_categorical=False)
    assert not list(table.parent.glob(".notmiwae-*"))
    again = notmiwae("impute", table, "-o", table.parent / f"again{table.suffix}", "--ignore", "id",
                     "--model", table.parent / "model")  # fmt: skip
    assert again.status == 0
    assert filecmp.cmp(table.parent / f"parts{table.suffix}", table.parent / f"again{table.suffix}", False)


def test_a_saved_model_takes_as_many_samples_as_are_asked_for(notmiwae, table, small_pieces):
    model = ["--model", table.parent / "model"]
    assert notmiwae(*options(table, "first", "--model-out", model[1])).status == 0
    again = ["impute", table, "--ignore", "id", *model, "--samples", "3", "-o"]
    assert notmiwae(*again, table.parent / f"whole{table.suffix}").status == 0
    small_pieces()
    assert notmiwae(*again, table.parent / f"parts{table.suffix}").status == 0
    whole, parts = (read(table.parent / f"{name}{table.suffix}") for name in ("whole", "parts"))
    pd.testing.assert_frame_equal(whole, parts, check_dtype=False, check_categorical=False)
    assert not read(table.parent / f"first{table.suffix}").equals(parts)


def test_a_complete_table_is_written_as_it_is(notmiwae, tmp_path, small_pieces):
    complete_table(ROWS).to_csv(tmp_path / "in.csv", index=False)
    small_pieces()
    found = notmiwae(*options(tmp_path / "in.csv", "out"))
    assert found.status == 0
    assert "no value is missing" in found.err
    assert filecmp.cmp(tmp_path / "in.csv", tmp_path / "out.csv", shallow=False)


@pytest.mark.parametrize(
    ("row", "cells", "said"),
    [
        (2000, "x,lots,3,west", "'lots' in row 2000 is no number"),
        (2000, "x,2,3", "row 2000 has 3 cells"),
        (2000, "x,2,inf,west", "is not finite"),
    ],
)
def test_a_wrong_value_far_down_is_found_before_training(
    refused, tmp_path, small_pieces, monkeypatch, row, cells, said
):
    path = tmp_path / "in.csv"
    masked_table(ROWS).to_csv(path, index=False)
    lines = path.read_text().splitlines()
    lines[row] = cells
    path.write_text("\n".join(lines) + "\n")
    small_pieces()
    monkeypatch.setattr(large, "_SAMPLE", 200)
    # So that the sample doesn't hold it.
    error = refused(*options(path, "out", "--quiet", "--seed", "1"))
    assert said in error or "sample of its rows" in error
    assert str(path) in error
    assert not (tmp_path / "out.csv").exists()


def test_the_sample_has_every_name_and_is_in_order(tmp_path):
    frame = masked_table(ROWS).assign(rare="often")
    frame.loc[2100, "rare"] = "once"
    for path in (tmp_path / "in.csv", tmp_path / "in.parquet"):
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path, index=False)
        file = opened(path, PLAIN)
        chosen, rows = sample(file, 400, 300, 5)
        file.write(chosen, tmp_path / f"sample{path.suffix}")
        found = read(tmp_path / f"sample{path.suffix}")
        assert len(found) == 400
        assert found["rare"].eq("once").sum() == 1
        numbers = found["id"].str[1:].astype(int)
        assert numbers.is_monotonic_increasing
        assert numbers.tolist() == rows
        assert numbers.is_unique
        assert (numbers > ROWS / 2).sum() > 150
        everything, _ = sample(file, ROWS, 300, 5)
        assert file.length(everything) == ROWS


def test_the_sample_is_drawn_evenly(tmp_path):
    pd.DataFrame({"x": np.arange(3000) / 7}).to_csv(tmp_path / "in.csv", index=False)
    file = opened(tmp_path / "in.csv", PLAIN)
    counts = np.zeros(3000)
    for seed in range(60):
        rows = [round(float(row) * 7) for row in sample(file, 500, 700, seed)[0][1:]]
        counts[rows] += 1
    by_third = counts.reshape(3, -1).sum(1) / counts.sum()
    assert np.abs(by_third - 1 / 3).max() < 0.01


def test_a_gap_of_a_single_column_isnt_passed_over_in_silence(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("x\n1\n\n3\n")
    with pytest.raises(DataError, match="an empty line, in a file of one column"):
        list(opened(path, PLAIN).parts(10))
    path.write_text("x,y\n1,2\n\n3,4\n")
    assert list(opened(path, PLAIN).parts(10)) == [["x,y\n", "1,2\n", "3,4\n"]]


def test_a_file_without_a_header_is_read_in_pieces(notmiwae, tmp_path, small_pieces):
    masked_table(ROWS).to_csv(tmp_path / "in.csv", index=False, header=False)
    typed = [
        "impute",
        tmp_path / "in.csv",
        "--no-header",
        "--ignore",
        "1",
        *QUICK,
        "--draws",
        "2",
        "--draws-out",
    ]
    assert notmiwae(*typed, tmp_path / "d1.csv", "-o", tmp_path / "whole.csv").status == 0
    small_pieces()
    found = notmiwae(*typed, tmp_path / "d2.csv", "-o", tmp_path / "parts.csv")
    assert found.status == 0, found.err
    assert filecmp.cmp(tmp_path / "whole.csv", tmp_path / "parts.csv", shallow=False)
    long = [
        pd.read_csv(tmp_path / f"d{n}.csv").sort_values([".imp", ".id"], ignore_index=True) for n in (1, 2)
    ]
    pd.testing.assert_frame_equal(*long)
    said = notmiwae(*typed, tmp_path / "d3.csv", "-o", tmp_path / "o.xlsx").err
    assert "is read in pieces, and no workbook is written so" in said


@pytest.mark.parametrize("seed", [1, 2])
def test_the_row_of_an_error_is_the_files_own_wherever_it_is_found(
    refused, tmp_path, small_pieces, monkeypatch, seed
):
    """In the sample that is trained on, or in a piece."""
    frame = masked_table(ROWS).astype({"wage": object})
    frame.loc[2221, "wage"] = "plenty"
    path = tmp_path / "in.csv"
    frame.to_csv(path, index=False)
    small_pieces()
    monkeypatch.setattr(large, "_SAMPLE", 200 if seed == 1 else 2400)
    error = refused(*options(path, "out", "--quiet", "--seed", str(seed), "--kind", "wage=continuous"))
    assert "'plenty' in row 2222 is no number" in error


def test_bytes_of_another_encoding_are_named_with_the_remedy(refused, tmp_path, small_pieces):
    path = tmp_path / "in.csv"
    path.write_bytes(b"a,b\n1,x\n2,caf\xe9\n")
    small_pieces()
    error = refused(*options(path, "out", "--quiet"))
    assert "the byte 0xe9 isn't utf-8; accepted: --encoding" in error
