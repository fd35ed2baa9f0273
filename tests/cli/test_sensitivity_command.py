"""`notmiwae sensitivity`: its results on paper, in files, and what it refuses."""

import pandas as pd

QUICK = ["--steps", "2", "--members", "1", "--draws", "2", "--ignore", "id"]


def test_it_prints_every_assumption_of_every_column_and_the_bounds(notmiwae, masked):
    found = notmiwae("sensitivity", masked, *QUICK, "--quiet")
    assert (found.status, found.err) == (0, "")
    for word in ("observed", "mar", "low", "high", "extreme", "anything", "δ +1 sd", "held-out bound"):
        assert word in found.out


def test_it_writes_table_and_figure_whole(notmiwae, masked, tmp_path):
    table, figure = tmp_path / "s.csv", tmp_path / "s.png"
    options = ["--columns", "wage", "--assumptions", "mar", "high", "--deltas", "0.5"]
    found = notmiwae("sensitivity", masked, *QUICK, *options, "-o", table, "--figure", figure, "--json")
    rows = pd.read_csv(table)
    assert rows["assumption"].tolist() == ["observed", "mar", "high", "δ +0.5 sd"]
    assert set(rows["column"]) == {"wage"}
    assert figure.read_bytes().startswith(b"\x89PNG")
    printed = found.json()
    assert len(printed["results"]) == 4
    assert [each["assumption"] for each in printed["bounds"]] == ["mar", "high"]


def test_shifts_are_typed_by_column_and_by_group_within_limits(notmiwae, masked, tmp_path):
    typed = ["--assumptions", "mar", "--deltas", "wage=0,99", "--deltas", "age:north=-0.5,1"]
    more = ["--by", "region", "--limits", "wage=:1500", "--limits", "age=0:100"]
    region = pd.read_csv(masked).assign(region=lambda t: t["region"].fillna("south"))
    region.to_csv(tmp_path / "in.csv", index=False)
    found = notmiwae("sensitivity", tmp_path / "in.csv", *QUICK, *typed, *more, "--json", "--quiet")
    assert found.status == 0, found.err
    shifts = [row for row in found.json()["results"] if row["shifted"]]
    assert [(row["shifted"], row["delta"]) for row in shifts] == [
        ("wage", 0),
        ("wage", 99),
        ("age, north", -0.5),
        ("age, north", 1),
    ]
    assert shifts[1]["imputed_mean"] == 1500


def test_lists_may_be_given_in_one_go_or_apart(notmiwae, masked):
    apart = ["--columns", "wage", "--columns", "age", "--assumptions", "mar", "--assumptions", "low"]
    in_one = ["--columns", "wage", "age", "--assumptions", "mar", "low"]
    one, other = (
        notmiwae("sensitivity", masked, *QUICK, *typed, "--deltas", "-1", "0", "--quiet")
        for typed in (apart, in_one)
    )
    assert one.out == other.out
    assert "δ -1 sd" in one.out
    assert "extreme" not in one.out


def test_unknown_is_said_to_be_doubtful_once_unless_quiet(notmiwae, masked):
    typed = ["sensitivity", masked, *QUICK, "--columns", "wage", "--assumptions", "unknown", "--deltas"]
    assert notmiwae(*typed).err.count("'unknown'") == 1
    assert notmiwae(*typed, "--quiet").err == ""


def test_what_it_cannot_do_is_one_line(refused, masked, tmp_path):
    assert "no column 'wgae'" in refused("sensitivity", masked, *QUICK, "--columns", "wgae")
    assert "unknown format" in refused("sensitivity", masked, *QUICK, "--figure", tmp_path / "s.xyz")
    assert "nothing is written over" in refused("sensitivity", masked, *QUICK, "-o", masked)
    for typed, said in (
        (["--deltas", "wage=0,a"], "--deltas: found 'wage=0,a'; accepted: COLUMN=δ,δ"),
        (["--deltas", "some"], "--deltas: found 'some'; accepted: numbers, or COLUMN=δ"),
        (["--deltas", "0", "wage=0"], "--deltas: found '0'"),
        (["--deltas", "wge=0"], "--deltas: no column 'wge'"),
        (["--deltas", "wage:north=0"], "--deltas: found the group 'north'; accepted: --by COLUMN"),
        (["--deltas", "wage:nrth=0", "--by", "region"], "no group 'nrth' in column 'region'"),
        (["--deltas", "wage=0", "--deltas", "wage=1"], "'wage' is named twice"),
        (["--by", "rgion"], "--by: no column 'rgion'"),
        (["--limits", "wage=9:1"], "limits: wage: found (9.0, 1.0)"),
        (["--limits", "weight=0:"], "--limits: no column 'weight'"),
    ):
        assert said in refused("sensitivity", masked, *QUICK, *typed), typed
    complete = tmp_path / "complete.csv"
    pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": [0.1, 0.2, 0.4]}).to_csv(complete, index=False)
    said = refused("sensitivity", complete, "--steps", "2", "--members", "1", "--quiet")
    assert "no column of numbers has a missing value" in said


def test_members_on_drawn_rows_are_another_ensemble_whose_turns_count(notmiwae, masked):
    options = ["--columns", "wage", "--assumptions", "mar", "--steps", "20", "--members", "3"]
    said = ["sensitivity", masked, "--ignore", "id", *options, "--draws", "12", "--deltas", "0", "--json"]
    plain, drawn = (notmiwae(*said, *more).json()["results"] for more in ([], ["--bootstrap"]))
    for one, other in zip(plain[1:], drawn[1:], strict=True):
        assert one["mean"] != other["mean"]
    # δ = 0 shifts nothing.
    assert drawn[1]["standard_error"] == drawn[2]["standard_error"]
