"""What a file's cells are taken for, and that those that were seen leave as they came, text for text."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.cli.main import main
from notmiwae.cli.number_text import Affixes, affixes, as_number
from notmiwae.cli.suspects import is_identifier, sentinel

QUICK = ["--missing-process", "mar", "--steps", "3", "--members", "1", "--samples", "3"]
ROWS = 60
draw = np.random.default_rng(0)
INCOME = draw.normal(20_000, 3_000, ROWS)
AGE = draw.integers(20, 70, ROWS)


def written(incomes, separator=",", more=None):
    """A CSV file of incomes, every fifth missing, ages, and further columns."""
    table = pd.DataFrame({"income": incomes, "age": AGE.astype(str)} | (more or {}))
    table.loc[::5, "income"] = ""
    return table, table.to_csv(index=False, sep=separator)


def imputed(notmiwae, tmp_path, text, *typed):
    """What is written and said of a file."""
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    found = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "out.csv", *QUICK, *typed)
    assert found.status == 0, found.err
    return (tmp_path / "out.csv").read_text(encoding="utf-8"), found.err


def cells(text, separator=","):
    return list(csv.reader(io.StringIO(text), delimiter=separator))


@pytest.mark.parametrize(
    ("style", "separator", "decimal", "read"),
    [
        ("{:,.2f}", ",", ".", True),
        ("${:.2f}", ",", ".", True),
        ("{:.1f} %", ",", ".", True),
        ("{:.3f}", ",", ".", False),
        (" {:+.1f} ", ",", ".", False),
        ("{:.0f}.", ",", ".", False),
        ("{:.2e}", ",", ".", False),
        ("german", ";", ",", True),
    ],
)
def test_numbers_are_numbers_and_seen_cells_leave_as_they_came(
    notmiwae, tmp_path, style, separator, decimal, read
):
    if style == "german":
        texts = [f"{value:,.2f}".translate(str.maketrans(",.", ".,")) for value in INCOME]
    else:
        texts = [style.format(value) for value in INCOME]
    _, text = written(texts, separator)
    after, said = imputed(notmiwae, tmp_path, text)
    assert ("notice: income: " in said) == read
    assert ("was read as" in said) == read
    for number, (old, new) in enumerate(zip(cells(text, separator), cells(after, separator), strict=True)):
        if old[0]:
            assert new == old
        else:
            assert number % 5 == 1
            value = float(as_number(new[0].strip(), decimal))
            assert 10_000 < value < 30_000, "a number, of the column's own size"
            assert new[1:] == old[1:]
    shared = affixes([each.strip() for each in texts])
    assert cells(after, separator)[1][0].startswith(shared.before)
    assert cells(after, separator)[1][0].endswith(shared.behind)


text_cell = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)


@given(st.lists(st.tuples(text_cell, st.integers(-(10**20), 10**20)), min_size=3, max_size=8))
def test_of_a_complete_table_every_cell_leaves_as_it_came(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("complete")
    before = pd.DataFrame(
        [(place, f"x{name}", number) for place, (name, number) in enumerate(rows)],
        columns=["place", "name", "number"],
    )
    before.to_csv(folder / "in.csv", index=False)
    assert main(["impute", str(folder / "in.csv"), "-o", str(folder / "out.csv"), "--quiet"]) == 0
    old, new = ((folder / name).read_text(encoding="utf-8") for name in ("in.csv", "out.csv"))
    assert cells(new) == cells(old)


def test_draws_have_the_seen_cells_as_they_came(notmiwae, tmp_path):
    _, text = written([f"{value:.3f}0" for value in INCOME])
    imputed(notmiwae, tmp_path, text, "--draws", "2", "--draws-out", tmp_path / "draws.csv")
    draws = pd.read_csv(tmp_path / "draws.csv", dtype=str)
    before = pd.read_csv(io.StringIO(text), dtype=str)
    for _, draw in draws.groupby(".imp"):
        seen = before["income"].notna().to_numpy()
        assert draw["income"].to_numpy()[seen].tolist() == before["income"].to_numpy()[seen].tolist()


def test_numbers_that_a_computer_cannot_hold_are_carried_along(notmiwae, tmp_path):
    _, text = written(INCOME.astype(str), more={"account": [str(10**17 + row) for row in range(ROWS)]})
    after, said = imputed(notmiwae, tmp_path, text)
    assert "notice: account: " in said
    assert "carried along: 'account'" in said
    assert [row[2] for row in cells(after)] == [row[2] for row in cells(text)]


def test_an_identifier_and_a_number_that_means_missing_are_noticed(notmiwae, tmp_path):
    incomes = [f"{value:.1f}" if row % 7 else "-999.0" for row, value in enumerate(INCOME)]
    _, text = written(incomes, more={"id": [str(1000 + row) for row in range(ROWS)]})
    _, said = imputed(notmiwae, tmp_path, text)
    assert "notice: nearly every value of 'id' is another one; if it identifies rows: --ignore id" in said
    assert "notice: income: -999 stands in 7 cells, apart from all other values" in said
    after, said = imputed(notmiwae, tmp_path, text, "--na=-999", "--ignore", "id")
    assert "notice" not in said
    assert "-999" not in after


@pytest.mark.parametrize("marker", ["#N/A", "<NA>", "n/a", "#DIV/0!"])
def test_what_spreadsheets_write_for_missing_is_missing(notmiwae, tmp_path, marker):
    _, text = written(INCOME.round(1).astype(str))
    after, _ = imputed(notmiwae, tmp_path, text.replace("\n,", f"\n{marker},"))
    assert marker not in after


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1,234,567.5", ".", "1234567.5"),
        ("1'234", ".", "1234"),
        ("1 234,5", ",", "1234.5"),
        ("8.720", ",", "8720"),
        ("8.720", ".", "8.720"),
        ("-$5", ".", "-5"),
        ("$-5", ".", "-5"),
        ("5 €", ",", "5"),
        ("\N{MINUS SIGN}3.5", ".", "-3.5"),
        ("12%", ".", "12"),
        ("1,23", ".", "1,23"),
        ("12,34,567", ".", "12,34,567"),
        ("-$-5", ".", "-$-5"),
        ("north", ".", "north"),
        ("3.14", ",", "3 14"),
    ],
)
def test_a_number_is_read_as_people_write_it(text, decimal, number):
    assert as_number(text, decimal) == number


def test_thousands_alone_of_a_german_file_are_said(notmiwae, tmp_path):
    thousands = [f"{value:,.0f}".replace(",", ".") for value in INCOME]
    _, text = written(thousands, ";", {"rate": [f"{value / 7e3:.2f}".replace(".", ",") for value in INCOME]})
    _, said = imputed(notmiwae, tmp_path, text)
    assert f"notice: income: {thousands[1]} was read as {thousands[1].replace('.', '')}" in said
    assert "rate" not in said, "a decimal comma is no news"


def test_what_stands_around_all_numbers_is_found():
    assert affixes(["$5", "$6.50"]) == Affixes("$", "")
    assert affixes(["5 €", "-6 €"]) == Affixes("", " €")
    assert affixes(["$5", "6"]) == affixes(["north"]) == Affixes()


def test_what_is_no_identifier_and_no_marker():
    counted = pd.Series(range(5, 65))
    assert is_identifier(counted)
    assert not is_identifier(counted.iloc[::2])
    assert not is_identifier(pd.Series(range(10)))
    ages = pd.Series([30.0, 40, 50] * 20)
    assert sentinel(pd.concat([ages, pd.Series([999.0] * 3)])) == (999, 3)
    assert sentinel(pd.concat([ages, pd.Series([-9.0] * 4)])) == (-9, 4)
    assert sentinel(pd.concat([ages, pd.Series([60.0] * 3)])) is None
    assert sentinel(pd.concat([ages, pd.Series([999.0])])) is None
    assert sentinel(ages - 45) is None
    assert sentinel(pd.Series(["a", "b"])) is None
