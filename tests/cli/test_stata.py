"""Stata files: labels are what they hold, and all bytes stay but those of the gaps that are filled."""

import argparse
import io
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from notmiwae.cli.stata import fill
from notmiwae.cli.table_input import read
from notmiwae.errors import DataError

QUICK = ["--missing-process", "mar", "--steps", "3", "--members", "1", "--samples", "3"]
ROWS = 60
LABELS = {"sex": {1: "male", 2: "female"}, "kids": {99: "refused"}}


@pytest.fixture(autouse=True)
def in_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def survey():
    """Incomes, labelled and partly labelled codes, whole numbers of either sign, texts, dates; with gaps."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "income": draw.lognormal(7, 0.5, ROWS).round(2),
            "sex": draw.integers(1, 3, ROWS),
            "kids": draw.integers(0, 4, ROWS),
            "mood": draw.integers(-2, 3, ROWS),
            "city": draw.choice(["Köln", "Bonn"], ROWS),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 99, ROWS), unit="D"),
        }
    )
    for place, name in enumerate(["income", "sex", "kids", "mood"]):
        table[name] = table[name].mask(np.arange(ROWS) % 5 == place)
    table.loc[np.arange(ROWS) % 5 == 4, "city"] = ""
    table.loc[7, "kids"] = 99
    return table.astype({"sex": "Int8", "kids": "Int8", "mood": "Int16"})


def write(path, version=118, table=None, **options):
    table = survey() if table is None else table
    options = {"value_labels": LABELS, "convert_dates": {"day": "td"}} | options
    table.to_stata(path, version=version, write_index=False, **options)
    return path.read_bytes()


def test_gaps_are_filled_and_all_other_bytes_stay(notmiwae, tmp_path):
    came = bytearray(write(tmp_path / "in.dta", variable_labels={"sex": "Sex of respondent"}))
    # `.a` of a byte, in a column that isn't modelled.
    kids = pd.read_stata(tmp_path / "in.dta", convert_categoricals=False)["kids"]
    start = came.index(b"<data>") + len(b"<data>")
    width = (came.index(b"</data>") - start) // ROWS
    row = int(np.flatnonzero(kids.isna())[0])
    assert came[start + row * width + 9] == 101
    came[start + row * width + 9] = 102
    (tmp_path / "in.dta").write_bytes(came)
    notmiwae("impute", "in.dta", "-o", "out.dta", "--ignore", "kids", *QUICK)
    written = (tmp_path / "out.dta").read_bytes()
    assert len(written) == len(came)
    assert written[:start] == came[:start]
    assert written[start + ROWS * width :] == came[start + ROWS * width :]
    assert written[start + row * width + 9] == 102
    before, after = (pd.read_stata(tmp_path / name) for name in ("in.dta", "out.dta"))
    assert list(before.dtypes.drop(["sex", "mood"])) == list(after.dtypes.drop(["sex", "mood"]))
    assert after.drop(columns="kids").notna().all(axis=None)
    assert set(after["sex"]) == {"male", "female"}
    assert set(after["city"]) == {"Köln", "Bonn"}
    assert after["mood"].between(-2, 2).mean() > 0.5
    seen = (before.notna() & (before != "")).to_numpy()
    assert (before.astype(object).to_numpy() == after.astype(object).to_numpy())[seen].all()


@pytest.mark.parametrize("version", [117, 118, 119])
def test_each_release_with_a_map_is_filled(notmiwae, tmp_path, version):
    write(tmp_path / "in.dta", version)
    notmiwae("impute", "in.dta", "-o", "out.dta", "--na", "99", *QUICK)
    after = pd.read_stata(tmp_path / "out.dta", convert_categoricals=False)
    assert after.notna().all(axis=None)
    assert (after["city"] != "").all()
    assert after["kids"].max() < 99
    notmiwae(
        "simulate", "out.dta", "-o", "masked.dta", "--mechanism", "high", "--columns", "income", "--seed", "1"
    )
    masked = pd.read_stata(tmp_path / "masked.dta", convert_categoricals=False)
    assert 0 < masked["income"].isna().sum() < ROWS
    pd.testing.assert_frame_equal(masked.drop(columns="income"), after.drop(columns="income"))


def test_what_was_understood_is_said(notmiwae, tmp_path):
    write(tmp_path / "in.dta")
    said = notmiwae("impute", "in.dta", "-o", "out.csv", *QUICK).err
    assert "kids: 99 (refused) has a label, and is taken as a number (accepted too: --na 99)" in said
    assert re.search(r"day: holds dates, as 2020-0\d-\d\d, which aren't modelled; it's carried along", said)
    first = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert first[0] == "income,sex,kids,mood,city,day"
    assert re.fullmatch(r"[\d.]+,(fe)?male,\d,-?[\d.]+,(Köln|Bonn),2020-0\d-\d\d", first[1])


def test_single_precision_is_read_as_it_is_written(notmiwae, tmp_path):
    write(tmp_path / "in.dta", table=survey().astype({"income": "float32"}))
    notmiwae("impute", "in.dta", "-o", "out.csv", *QUICK)
    seen = survey()["income"].dropna()
    written = pd.read_csv(tmp_path / "out.csv", dtype=str)["income"][seen.index]
    assert written.str.fullmatch(r"\d+\.\d{1,2}").all()
    assert written.astype(float).tolist() == seen.tolist()


def test_names_of_columns_are_read_without_the_rest(tmp_path):
    from notmiwae.cli.stata import column_names

    write(tmp_path / "in.dta")
    assert column_names(tmp_path / "in.dta") == list(survey())


def test_numbers_in_texts_are_written_as_long_as_fits(notmiwae, tmp_path):
    table = survey()[["income", "mood"]].assign(rate=[f"{n % 7}.5" for n in range(ROWS)])
    table.loc[::4, "rate"] = ""
    write(tmp_path / "in.dta", table=table, value_labels={}, convert_dates={})
    notmiwae("impute", "in.dta", "-o", "out.dta", *QUICK)
    after = pd.read_stata(tmp_path / "out.dta")["rate"]
    assert after.str.fullmatch(r"-?[\d.]{1,3}").all()
    assert after[1] == "1.5"


def test_a_number_that_its_column_cannot_store_is_an_error_and_not_cut_off(tmp_path):
    write(tmp_path / "in.dta")
    came = read(tmp_path / "in.dta", argparse.Namespace(na=[]))
    filled = came.frame.assign(kids=came.frame["kids"].fillna(101))
    with pytest.raises(
        DataError, match=r"'kids': 101 is imputed, and it stores -127 to 100; accepted: .csv, or"
    ):
        fill(came.stata, filled, came.frame, tmp_path / "out.dta")


def test_a_pipe_is_known_by_how_it_begins(notmiwae, tmp_path, monkeypatch):
    content = write(tmp_path / "in.dta")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert "60 rows, 5 columns" in notmiwae("describe", "-").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["in.csv", "-o", "out.dta"], r"out.dta: a Stata file is written only as the one that was read"),
        (
            ["old.dta", "-o", "out.dta"],
            r"out.dta: old.dta is of before Stata 13, which is read alone; accepted",
        ),
        (["in.dta", "-o", "out.dta", "--mark-censored"], r"out.dta: --mark-censored: a Stata file gets no"),
        (
            ["in.dta", "-o", "o.csv", "--draws-out", "d.dta"],
            r"d.dta: a Stata file is written only as the one",
        ),
        (["bad.dta", "-o", "out.csv"], r"bad.dta: is no Stata file that can be read: "),
        (["in.dta", "-o", "out.csv", "--ignore", "z"], r"--ignore: no column 'z' in in.dta"),
    ],
)
def test_what_cant_be_done_is_one_line_before_anything_is_trained(notmiwae, tmp_path, arguments, said):
    write(tmp_path / "in.dta")
    write(tmp_path / "old.dta", 114)
    survey().to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "bad.dta").write_bytes(b"<stata_dta><header>")
    found = notmiwae("impute", *arguments, *QUICK)
    assert found.status == 2
    assert re.match(f"error: {said}", found.err.splitlines()[-1])
    assert "training" not in found.err
    assert not (tmp_path / "out.dta").exists()


def test_an_old_file_is_read_and_its_labels_too(notmiwae, tmp_path):
    write(tmp_path / "old.dta", 114, table=survey().replace({"city": {"Köln": "Koeln"}}))
    notmiwae("impute", "old.dta", "-o", "out.parquet", *QUICK)
    after = pd.read_parquet(tmp_path / "out.parquet")
    assert set(after["sex"]) == {"male", "female"}
    assert after.notna().all(axis=None)


def test_two_values_with_one_label_stay_numbers(notmiwae, tmp_path):
    write(tmp_path / "in.dta")
    came = (tmp_path / "in.dta").read_bytes()
    (tmp_path / "in.dta").write_bytes(came.replace(b"female\0", b"male\0\0\0"))
    notmiwae("impute", "in.dta", "-o", "out.dta", "--na", "99", *QUICK)
    after = pd.read_stata(tmp_path / "out.dta", convert_categoricals=False)
    assert set(after["sex"]) == {1, 2}
