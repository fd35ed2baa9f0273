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


def test_unknown_is_said_to_be_doubtful_once_unless_quiet(notmiwae, masked):
    typed = ["sensitivity", masked, *QUICK, "--columns", "wage", "--assumptions", "unknown", "--deltas"]
    assert notmiwae(*typed).err.count("'unknown'") == 1
    assert notmiwae(*typed, "--quiet").err == ""


def test_what_it_cannot_do_is_one_line(refused, masked, tmp_path):
    assert "no column 'wgae'" in refused("sensitivity", masked, *QUICK, "--columns", "wgae")
    assert "unknown format" in refused("sensitivity", masked, *QUICK, "--figure", tmp_path / "s.xyz")
    assert "nothing is written over" in refused("sensitivity", masked, *QUICK, "-o", masked)
    complete = tmp_path / "complete.csv"
    pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": [0.1, 0.2, 0.4]}).to_csv(complete, index=False)
    said = refused("sensitivity", complete, "--steps", "2", "--members", "1", "--quiet")
    assert "no column of numbers has a missing value" in said
