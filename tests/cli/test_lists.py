"""Lists: `a b`, `a,b` and repeated options say the same; a name may have commas; a table may stand behind."""

import pandas as pd
import pytest
from small_tables import QUICK, masked_table

from notmiwae import NotMIWAEImputer
from notmiwae.cli.name_lists import cut, settle


@pytest.fixture
def survey(tmp_path):
    path = tmp_path / "survey.csv"
    masked_table().rename(columns={"wage": "wage, net"}).to_csv(path, index=False)
    return path


SAME = {
    "--ignore": (
        ["--ignore", "id", "region"],
        ["--ignore", "id,region"],
        ["--ignore", "id", "--ignore", "region"],
    ),
    "--kind": (
        ["--ignore", "id", "region", "--kind", "wage, net=continuous", "age=continuous"],
        ["--ignore", "id,region", "--kind", "wage, net=continuous,age=continuous"],
    ),
    "--missing-process": (
        ["--ignore", "id", "--missing-process", "wage, net=low", "age=high"],
        ["--ignore", "id", "--missing-process", "wage, net=low,age=high"],
    ),
    "--given": (
        ["--ignore", "id", "--missing-process", "age=low", "--given", "age=wage, net,region"],
        ["--ignore", "id", "--missing-process", "age=low", "--given", "age=wage, net", "region"],
        ["--ignore", "id", "--missing-process", "age=low", "--given=age=wage, net", "--given=region"],
    ),
    "--group": (
        ["--ignore", "id", "--missing-process", "low", "--group", "g=wage, net,age"],
        ["--ignore", "id", "--missing-process", "low", "--group", "g=age", "wage, net"],
    ),
    "--limits": (
        ["--ignore", "id", "--limits", "wage, net=0:", "age=0:99"],
        ["--ignore", "id", "--limits", "wage, net=0:,age=0:99"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("option", SAME)
def test_all_ways_to_type_a_list_say_the_same(notmiwae, survey, tmp_path, option):
    written = set()
    for typed in SAME[option]:
        found = notmiwae("impute", survey, "-o", tmp_path / "o.csv", *QUICK, "--quiet", *typed)
        assert found.status == 0, found.err
        written.add((tmp_path / "o.csv").read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("a,b", [], ["a", "b"]),
        ("a, b", ["a", "b"], ["a", "b"]),
        ("a,b", ["a,b"], ["a,b"]),
        ("a,b,c", ["a,b", "c"], ["a,b", "c"]),
        ("c,a,b", ["a,b", "c"], ["c", "a,b"]),
        ("a,b=count,c=binary", ["a,b", "c"], ["a,b=count", "c=binary"]),
        ("x=a,b,c", ["x", "a,b", "c"], ["x=a,b", "c"]),
        ("x=a,c", ["x", "a", "c"], ["x=a", "c"]),
        ("a,", [], ["a"]),
        (",", [], [","]),
        (" a ", [" a "], [" a "]),
    ],
)
def test_a_name_with_commas_stays_whole(text, names, found):
    assert cut(text, names) == found


def test_the_table_isnt_read_where_no_comma_is_typed():
    from argparse import Namespace

    def fail():
        raise AssertionError

    typed = Namespace(ignore=["a", "b", "a"], given=["x=y", "z"])
    settle(typed, fail)
    assert vars(typed) == {"ignore": ["a", "b"], "given": {"x": ["y", "z"]}}


def test_a_table_behind_a_list_is_the_table(notmiwae, survey, tmp_path):
    typed = ["-o", tmp_path / "o.csv", *QUICK, "--ignore", "id", "region", survey]
    assert notmiwae("impute", *typed).status == 0
    before, after = pd.read_csv(survey), pd.read_csv(tmp_path / "o.csv")
    assert after["region"].equals(before["region"])
    assert notmiwae("describe", "--ignore", "id", survey).status == 0
    found = notmiwae(
        "simulate", "--mechanism", "low", "-o", tmp_path / "s.csv", "--columns", "wage, net", survey
    )
    assert "column 'wage, net': nothing in row" in found.err, "it was read"


def test_a_list_that_takes_the_table_away_says_so(survey, capsys, notmiwae, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        notmiwae("impute", "-o", tmp_path / "o.csv", "--ignore", "id", tmp_path / "no.csv")
    said = capsys.readouterr().err.splitlines()[-1]
    assert "a list of names takes all words up to the next option; accepted: the table first" in said
    with pytest.raises(SystemExit, match="2"):
        # Two files that it may be.
        notmiwae("impute", "-o", tmp_path / "o.csv", "--ignore", survey, "--kind", survey)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--ignore", "id,regoin"], "--ignore: no column 'regoin' in"),
        (["--ignore", "wage"], "accepted: id, wage, net, age, region"),
        (["--given", "region"], "--given: found 'region'; accepted: NAME="),
        (["--group", "g="], "--group: found 'g='; accepted: NAME="),
        (["--group", "g=age", "g=region"], "--group: 'g' is named twice"),
    ],
)
def test_a_list_that_is_none_is_one_line(refused, survey, tmp_path, typed, said):
    assert said in refused("impute", survey, "-o", tmp_path / "o.csv", *typed)


def test_no_group_is_said_by_a_word(notmiwae, survey, tmp_path):
    typed = ["impute", survey, "--ignore", "id", "--missing-process", "low", *QUICK, "--quiet"]
    written = {}
    for name, further in {"may": [], "alone": ["--group", "nothing"]}.items():
        model = tmp_path / name
        assert notmiwae(*typed, *further, "-o", tmp_path / "o.csv", "--model-out", model).status == 0
        written[name] = NotMIWAEImputer.load(model).groups
    assert written == {"may": None, "alone": {}}


def test_lists_of_sensitivity_and_compare(notmiwae, refused, survey):
    typed = ["--steps", "2", "--members", "1", "--draws", "2", "--ignore", "id", "--quiet", "--json"]
    found = notmiwae("sensitivity", *typed, "--columns", "wage, net", "--assumptions", "mar,low", "--deltas",
                     "-1,0.5", "1", survey)  # fmt: skip
    rows = found.json()["results"]
    assert {row["column"] for row in rows} == {"wage, net"}
    assert {row["assumption"] for row in rows} == {
        "observed",
        "mar",
        "low",
        "δ -1 sd",
        "δ +0.5 sd",
        "δ +1 sd",
    }
    assert "--deltas: found 'much'" in refused("sensitivity", survey, "--deltas", "much")
    compared = notmiwae("compare", survey, "--steps", "2", "--ignore", "id", "--quiet", "--json", "--columns",
                        "wage, net,age", "--assumptions", "mar,low")  # fmt: skip
    assert sorted(row["assumption"] for row in compared.json()["results"]) == ["low", "mar"]
