"""`notmiwae tipping`: its grid on paper, in files, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from notmiwae.estimators.estimands import Coefficient
from notmiwae.estimators.tipping_point import tipping_point

FAST = ["--steps", "30", "--members", "1", "--draws", "3"]
ASKED = ["--outcome", "pain", "--on", "arm", "--beside", "age"]
DELTAS = ["--by", "arm", "--deltas", "pain:drug=-1,0,1", "pain:placebo=0,0.5"]


@pytest.fixture
def trial(tmp_path):
    random = np.random.default_rng(0)
    arm = np.repeat(["drug", "placebo"], 50)
    pain = 10 + (arm == "placebo") + random.normal(size=100)
    table = pd.DataFrame({"arm": arm, "age": random.integers(20, 70, 100), "pain": pain.round(2)})
    table["pain"] = table["pain"].mask(random.random(100) < 0.3)
    table.to_csv(tmp_path / "trial.csv", index=False)
    return tmp_path / "trial.csv"


def test_it_prints_the_grid_and_says_where_it_tips(notmiwae, trial):
    found = notmiwae("tipping", trial, *FAST, *ASKED, *DELTAS, "--quiet")
    assert (found.status, found.err) == (0, "")
    assert "pain, drug" in found.out
    assert "coefficient of arm for pain beside age: " in found.out.splitlines()[-1]


def test_it_is_the_function_of_the_same_table(notmiwae, trial, tmp_path):
    out, figure = tmp_path / "grid.csv", tmp_path / "grid.svg"
    written = ["-o", out, "--figure", figure, "--json", "--quiet"]
    found = notmiwae("tipping", trial, *FAST, *ASKED, *DELTAS, "--unit", "own", "--seed", "3", *written)
    assert found.status == 0, found.err
    expected = tipping_point(
        pd.read_csv(trial).assign(arm=lambda t: t["arm"].astype("category")),
        {("pain", "drug"): (-1, 0, 1), ("pain", "placebo"): (0, 0.5)},
        Coefficient("pain", "arm", ("age",)),
        by="arm",
        unit="own",
        n_draws=3,
        steps=30,
        members=1,
        random_state=3,
    )
    told, grid = found.json(), pd.read_csv(out)
    np.testing.assert_allclose(grid["estimate"], expected.table["estimate"], rtol=1e-4)
    assert len(told["results"]) == len(grid) == 6
    assert told["words"] == expected.words()
    assert len(told["points"]) == len(expected.points)
    assert figure.read_text().startswith("<?xml")


def test_one_column_is_enough_and_limits_hold(notmiwae, trial):
    typed = [
        "--deltas",
        "pain=0,99",
        "--limits",
        "pain=0:20",
        "--null",
        "0.5",
        "--level",
        "0.1",
        "--sweeps",
        "0",
    ]
    found = notmiwae("tipping", trial, *FAST, "--outcome", "pain", "--on", "age", *typed, "--json")
    assert found.status == 0, found.err
    assert "training 1 model(s)" in found.err
    assert [row["pain"] for row in found.json()["results"]] == [0, 99]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--deltas", "pain"], "--deltas: found 'pain'; accepted: COLUMN=δ,δ"),
        (["--deltas", "pain=0"], "deltas: pain: found (0.0,); accepted: 2 different numbers"),
        (["--deltas", "pian=0,1"], "--deltas: no column 'pian'"),
        (["--deltas", "pain:drug=0,1"], "accepted: --by COLUMN beside it"),
        (["--deltas", "pain:durg=0,1", "--by", "arm"], "no group 'durg' in column 'arm'"),
        (["--deltas", "age=0,1"], "column 'age' has no missing value"),
        (["--deltas", "pain=0,1", "age=0,1", "arm=0,1"], "found 3 columns or groups"),
        ([], "--deltas: found 0 columns or groups; accepted: one, or two"),
        (["--deltas", "pain=0,1", "--beside", "agee"], "--beside: no column 'agee'"),
        (["--deltas", "pain=0,1", "--by", "am"], "--by: no column 'am'"),
        (["--deltas", "pain=0,1", "--level", "2"], "level: found 2.0"),
        (["--deltas", "pain=0,1", "--figure", "a.bmp"], "unknown format"),
    ],
)
def test_what_it_cannot_do_is_one_line(refused, trial, typed, said):
    assert said in refused("tipping", trial, *FAST, "--outcome", "pain", "--on", "arm", "--quiet", *typed)
    assert "--on: no column 'amr'" in refused(
        "tipping", trial, "--outcome", "pain", "--on", "amr", "--deltas", "pain=0,1"
    )
