"""`simulate`, `evaluate` and `describe`."""

import numpy as np
import pandas as pd
import pytest
from small_tables import complete_table

from notmiwae.cli.mcar_test import Result, little


@pytest.fixture
def complete(tmp_path):
    path = tmp_path / "complete.csv"
    complete_table(400).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("word", "statistic"),
    [
        ("high", lambda gone: gone.mean() > 0.5),
        ("low", lambda gone: gone.mean() < -0.5),
        ("extreme", lambda gone: gone.abs().mean() > 1.0),
        ("middle", lambda gone: gone.abs().mean() < 0.6),
        ("mcar", lambda gone: abs(gone.mean()) < 0.3),
    ],
)
def test_simulated_values_go_where_the_word_says(notmiwae, complete, tmp_path, word, statistic):
    typed = ["simulate", complete, "-o", tmp_path / "m.csv", "--mechanism", word, "--columns", "wage,age"]
    assert notmiwae(*typed, "--rate", "0.25").status == 0
    truth, masked = pd.read_csv(complete), pd.read_csv(tmp_path / "m.csv")
    assert masked["age"].isna().mean() == pytest.approx(0.25, abs=0.07)
    z = (truth["age"] - truth["age"].mean()) / truth["age"].std()
    assert statistic(z[masked["age"].isna()])
    assert masked.drop(columns=["wage", "age"]).equals(truth.drop(columns=["wage", "age"]))
    first = (tmp_path / "m.csv").read_bytes()
    notmiwae(*typed, "--rate", "0.25")
    assert (tmp_path / "m.csv").read_bytes() == first


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--mechanism", "hgih"], "did you mean 'high'?"),
        (["--mechanism", "high", "--rate", "1.5"], "--rate: found 1.5"),
        (["--mechanism", "high", "--columns", "region"], "column 'region' holds"),
        (["--mechanism", "high", "--columns", "wages"], "did you mean 'wage'?"),
    ],
)
def test_simulate_refuses(refused, complete, tmp_path, typed, said):
    assert said in refused("simulate", complete, "-o", tmp_path / "m.csv", *typed)


def test_evaluate(notmiwae, refused, tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n0,1,x\n2,2,y\n4,3,x\n")
    (tmp_path / "m.csv").write_text("a,b,c\n,1,\n2,2,\n,3,x\n")
    (tmp_path / "i.csv").write_text("c,b,a\nx,1,1\nz,2,2\nx,3,1\n")
    draws = [(number, row + 1, a, row + 1, "x") for number in (1, 2) for row, a in enumerate((number, 2, 4))]
    pd.DataFrame(draws, columns=[".imp", ".id", "a", "b", "c"]).to_csv(tmp_path / "d.csv", index=False)
    typed = ["evaluate", "--truth", tmp_path / "t.csv", "--masked", tmp_path / "m.csv"]
    found = notmiwae(*typed, "--imputed", tmp_path / "i.csv", "--draws", tmp_path / "d.csv", "--json").json()
    sd = np.std([0, 2, 4])
    assert found["columns"]["a"]["rmse"] == pytest.approx(np.sqrt(5))
    assert found["columns"]["a"]["rmse_sd"] == pytest.approx(np.sqrt(5) / sd)
    # |1 - 0|, |2 - 0| less half the draws' distance; both draws are exact in the other cell.
    assert found["columns"]["a"]["crps"] == pytest.approx((1.5 - 0.5) / 2)
    assert found["columns"]["a"]["coverage90"] == 0.5
    assert found["columns"]["c"] == {"cells": 2, "error_rate": 0.5}
    assert found["columns"]["a"]["crps_sd"] == pytest.approx(0.5 / sd)
    assert set(found["all"]) == {"cells", "rmse_sd", "crps_sd", "coverage90", "width90_sd", "error_rate"}
    assert found["all"]["cells"] == 4
    assert "b" not in found["columns"]
    assert "rmse_sd" in notmiwae(*typed, "--imputed", tmp_path / "i.csv").out
    assert "nothing in row 1 was imputed" in refused(*typed, "--imputed", tmp_path / "m.csv")
    (tmp_path / "i.csv").write_text("a,b,c\n1,2,x\n")
    assert "has 1 rows; accepted: 3" in refused(*typed, "--imputed", tmp_path / "i.csv")


def test_describe(notmiwae, masked, tmp_path):
    found = notmiwae("describe", masked, "--figure", tmp_path / "p.png", "--json").json()
    assert found["rows"] == 60
    kinds = {each["name"]: each["kind"] for each in found["columns"]}
    assert kinds == {"id": "categorical", "wage": "continuous", "age": "count", "region": "categorical"}
    assert sum(each["rows"] for each in found["commonest_patterns"]) <= 60
    assert found["little_test"]["columns"] == ["wage", "age"]
    assert (tmp_path / "p.png").stat().st_size > 1000
    assert "the 2 columns of numbers only: chi² = " in notmiwae("describe", masked).out


def test_describe_an_odd_table(notmiwae, refused, tmp_path):
    rows = "".join(f"{n},t{n},,7\n" for n in range(300))
    (tmp_path / "t.csv").write_text("a,b,c,d\n" + rows)
    found = notmiwae("describe", tmp_path / "t.csv", "--json").json()
    assert [each["kind"] for each in found["columns"]] == ["count", "text", "empty", "count"]
    assert found["commonest_patterns"] == [{"rows": 300, "missing": ["c"]}]
    assert "not_done" in found["little_test"]
    assert "unknown format" in refused("describe", tmp_path / "t.csv", "--figure", tmp_path / "p.xyz")


def test_little_with_two_patterns_is_known():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(80, 2)) @ [[1, 0.6], [0, 0.8]]
    x[50:, 1] = np.nan
    found = little(x)
    assert isinstance(found, Result)
    assert (found.degrees, found.patterns) == (1, 2)
    # One column is complete: it's the two groups' difference in its mean, with the variance of all rows (the
    # regression of the other column on it is that of the 50 rows, so nothing else differs).
    between = 50 * (x[:50, 0].mean() - x[:, 0].mean()) ** 2 + 30 * (x[50:, 0].mean() - x[:, 0].mean()) ** 2
    assert found.statistic == pytest.approx(between / x[:, 0].var(), rel=1e-4)


def test_little_keeps_its_level():
    generator = np.random.default_rng(2)
    p = []
    for _ in range(60):
        x = generator.normal(size=(120, 3)) @ generator.normal(size=(3, 3))
        x[generator.random(x.shape) < 0.15] = np.nan
        found = little(x)
        assert isinstance(found, Result)
        p.append(found.p)
    assert 0.01 <= np.mean(np.array(p) < 0.1) <= 0.2


def test_little_says_why_not():
    x = np.random.default_rng(0).normal(size=(30, 2))
    assert little(x) == "no number is missing"
    assert little(x[:, :1]) == "fewer than two columns have numbers that differ"
    gaps = np.column_stack([x, x.sum(axis=1)])
    gaps[:5, 0] = np.nan
    assert little(gaps) == "some columns of numbers follow from others"
