"""The commands `compare` and `check`."""

import pandas as pd
import pytest
from small_tables import masked_table

FAST = ["--steps", "3"]


@pytest.fixture
def survey(tmp_path):
    masked_table(60).drop(columns="id").to_csv(tmp_path / "survey.csv", index=False)
    return tmp_path / "survey.csv"


def test_assumptions_are_compared_and_written(notmiwae, survey, tmp_path):
    typed = ["--columns", "wage", "--quiet", *FAST]
    found = notmiwae("compare", survey, *typed, "-o", tmp_path / "c.csv", "--figure", tmp_path / "c.png")
    assert found.status == 0, found.err
    assert {"mar", "low", "high"} == set(pd.read_csv(tmp_path / "c.csv")["assumption"])
    assert "Only these were compared" in found.out
    assert (tmp_path / "c.png").stat().st_size > 5_000
    told = notmiwae("compare", survey, "--json", *typed, "--assumptions", "mar", "anything").json()
    assert sorted(row["assumption"] for row in told["results"]) == ["anything", "mar"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--assumptions", "hihg"], "--assumptions: no assumption 'hihg'; did you mean 'high'?"),
        (["--assumptions", "auto"], "--assumptions: no assumption 'auto'"),
        (["--columns", "wge"], "--columns: no column 'wge'"),
        (["--figure", "c.bmp"], "unknown format"),
    ],
)
def test_what_cant_be_compared_is_said_in_a_line(notmiwae, survey, typed, said):
    found = notmiwae("compare", survey, *typed, *FAST)
    assert found.status == 2
    assert said in found.err


def test_a_saved_model_is_checked(notmiwae, survey, tmp_path):
    model = ["--model-out", tmp_path / "model", "--missing-process", "wage=low", "--members", "1", *FAST]
    assert notmiwae("impute", survey, "-o", tmp_path / "o.csv", *model).status == 0
    typed = ["--model", tmp_path / "model", "--draws", "20", "--quiet"]
    found = notmiwae("check", survey, *typed, "-o", tmp_path / "k.csv", "--figure", tmp_path / "k.svg")
    assert found.status == 0, found.err
    assert "checks" in found.out
    assert set(pd.read_csv(tmp_path / "k.csv")["columns"]) == {"wage"}
    assert (tmp_path / "k.svg").read_text().startswith("<?xml")
    assert len(notmiwae("check", survey, *typed, "--json").json()["results"]) == 6
    model[3] = "mar"
    assert notmiwae("impute", survey, "-o", tmp_path / "o.csv", *model).status == 0
    assert notmiwae("check", survey, *typed).out.startswith("Every column is taken as missing at random")
    absent = notmiwae("check", survey, "--model", tmp_path / "nothing")
    assert (absent.status, "no such folder" in absent.err) == (2, True)
