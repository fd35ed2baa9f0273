"""CSV files as programs and people make them: each is read right, or a line says what is wrong with it."""

import numpy as np
import pytest

QUICK = ["--missing-process", "mar", "--steps", "2", "--members", "1", "--samples", "3"]
ROWS = 40
draw = np.random.default_rng(0)
INCOME = draw.normal(20_000, 3_000, ROWS)
AGE = draw.integers(20, 70, ROWS)


def rows(style="{:.2f}", separator=",", gap="", head="income,age,city", city=lambda n: "ab"[n % 2]):
    """Incomes, every fifth missing, ages and cities."""
    write = style if callable(style) else style.format
    lines = [
        separator.join([gap if n % 5 == 0 else write(INCOME[n]), str(AGE[n]), city(n)]) for n in range(ROWS)
    ]
    return "\n".join([head.replace(",", separator), *lines]) + "\n"


def lines(text, change):
    return "".join(change(n, line) + "\n" for n, line in enumerate(text.splitlines()))


PLAIN = rows()
READ = {
    "Excel's sep= line": ("sep=;\n" + rows(separator=";"), ""),
    "trailing separators": (lines(PLAIN, lambda n, line: line + ","), ""),
    "trailing separators in rows alone": (lines(PLAIN, lambda n, line: line + "," * (n > 0)), ""),
    "R's names of rows": (lines(PLAIN, lambda n, line: f"r{n},{line}" if n else line), "carried along: ''"),
    "two byte order marks": ("\ufeff\ufeff" + PLAIN, "missing: income 8"),
    "the end of a file of DOS": (PLAIN + "\x1a", ""),
    "two kinds of line ends": (lines(PLAIN, lambda n, line: line + "\r" * (n % 2)), ""),
    "a huge cell": (PLAIN.replace(",a\n", "," + "z" * 10**6 + "\n", 1), ""),
    "lines in cells": (PLAIN.replace(",a\n", ',"a\nb"\n'), ""),
    "quotes in quotes": (PLAIN.replace(",a\n", ',"say ""a"""\n'), ""),
    "a quote for inches": (PLAIN.replace(",a\n", ',5" pipe\n'), ""),
    "Swiss thousands": (rows(lambda each: f"{each:,.2f}".replace(",", "'")), "was read as 19603.69"),
    "blanks that stay": (rows(lambda each: f"{each:,.0f}".replace(",", "\u00a0")), "was read as 19604"),
    "codes of currencies": (rows("EUR {:.2f}"), "income: EUR 19603.69 was read as 19603.69"),
    "bookkeepers' negatives": (rows("({:.0f})"), "income: (19604) was read as -19604"),
    "SAP's negatives": (rows("{:.0f}-"), "income: 19604- was read as -19604"),
    "Fortran's exponents": (rows(lambda each: f"{each:.3E}".replace("E", "D")), "was read as 1.960e+04"),
    "percent": (rows("{:.1f}%"), "was read as"),
    "decimal commas between tabs": (rows(lambda each: f"{each:.2f}".replace(".", ","), "\t"), ""),
    "decimal commas in quotes": (rows(lambda each: f'"{each:.2f}"'.replace(".", ",")), ""),
    "a row of totals": (PLAIN + "800000,1700,Total\n", "notice: the last row says 'Total'; if it adds up"),
    "years for names": (PLAIN.replace("income,age,city", "2019,2020,2021"), "looks like data (2019"),
    "dates in several formats": (
        rows(city=lambda n: [f"2026-01-{n % 28 + 1:02d}", f"{n % 9 + 1}/1/26"][n % 2]),
        "city: holds dates or times, as 2026-01-01, which aren't modelled; it's carried along",
    ),
    "yes, no and TRUE": (rows(city=lambda n: ["yes", "no", "TRUE"][n % 3]), ""),
    "Arabic digits": (rows(lambda each: "".join(chr(ord(each) + 1584) for each in f"{each:.0f}")), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_and_leaves_as_it_came_but_for_its_gaps(notmiwae, tmp_path, name):
    text, said = READ[name]
    (tmp_path / "in.csv").write_bytes(text.encode())
    found = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "out.csv", *QUICK)
    assert found.status == 0, found.err
    assert said in found.err
    assert "nearly every value" not in found.err, "numbers were taken for names"
    before, after = text.encode().split(b"\n"), (tmp_path / "out.csv").read_bytes().split(b"\n")
    assert len(before) == len(after)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == ROWS // 5
    for old, new in changed:
        at = next(place for place in range(len(old)) if old[place] != new[place])
        assert new.endswith(old[at:])


REFUSED = {
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), "seems to be UTF-16 without its mark"),
    "NUL in a cell": (PLAIN.replace("a\n", "a\0\n", 1), "is a binary file; accepted: CSV text"),
    "a word for missing": (rows(gap="missing"), "--na 'missing' if it stands for a missing value"),
    "a footnote": (PLAIN + "Source: census\n", "row 41 has 1 cells; accepted: 3, as the header"),
    "names twice": (PLAIN.replace("income", "age"), "two columns are called 'age'"),
    "a name that isn't there": (PLAIN.replace("age,", ","), "column 2 has no name"),
    "a row of units": (PLAIN.replace("\n", "\nEUR,years,\n", 1), "'EUR' in row 1 is no number"),
    "a web page": ("<html><body><table><tr><td>1</td></tr></table>\n", "is HTML or XML; accepted: CSV text"),
    "numbers and names": (rows(city=lambda n: ["1", "two", "3.0"][n % 3]), "'two' in row 2 is no number"),
    "data twice": ("5,5,b\n" + PLAIN.split("\n", 1)[1], "If the first row is data, say --no-header"),
    "blanks before quotes": (PLAIN.replace(",a\n", ', "a, b"\n'), "row 1 has 4 cells; accepted: 3"),
    "numbers beyond all scales": (rows(lambda each: f"{each}e303"), "accepted: finite numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cant_be_read_is_one_line(notmiwae, tmp_path, name):
    content, said = REFUSED[name]
    (tmp_path / "in.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    found = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "out.csv", *QUICK, "--quiet")
    assert found.status == 2
    assert found.err.count("\n") == 1
    assert said in found.err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("mark", [":", " ", "^"])
def test_a_rare_separator_is_asked_for(notmiwae, tmp_path, mark):
    (tmp_path / "in.csv").write_text(rows(separator=mark, gap="NA"))
    typed = ["impute", tmp_path / "in.csv", "-o", tmp_path / "out.csv", *QUICK]
    assert (
        f"one column was read; if {mark!r} stands between columns: --separator '{mark}'"
        in notmiwae(*typed).err
    )
    assert "missing: income 8" in notmiwae(*typed, "--separator", mark).err


def test_a_text_without_end_is_no_number_soon(notmiwae, tmp_path):
    """Patterns of numbers take no time that grows with its square."""
    cells = ["9" * 200_000 + "x", "1" + " " * 100_000 + "1", "(" * 100_000, "1," * 100_000]
    (tmp_path / "in.csv").write_text("a;b\n" + "".join(f"{cell};{n}\n" for n, cell in enumerate(cells)))
    assert notmiwae("describe", tmp_path / "in.csv").status == 0


def test_data_for_a_header_are_noticed(notmiwae, tmp_path):
    (tmp_path / "in.csv").write_text(PLAIN.split("\n", 1)[1])
    found = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "out.csv", *QUICK)
    assert f"the header looks like data ({AGE[0]}, a): if it's data, say --no-header" in found.err


def test_without_a_header_columns_have_numbers(notmiwae, refused, tmp_path):
    text = "".join(PLAIN.splitlines(keepends=True)[1:])
    (tmp_path / "in.csv").write_text(text)
    typed = ["impute", tmp_path / "in.csv", *QUICK, "--no-header", "--ignore", "3", "--kind", "2=continuous"]
    found = notmiwae(
        *typed, "-o", tmp_path / "out.csv", "--draws", "2", "--draws-out", tmp_path / "draws.csv"
    )
    assert found.status == 0, found.err
    assert "missing: 1 8 (20.0%)" in found.err
    after = (tmp_path / "out.csv").read_text()
    assert len(after.splitlines()) == ROWS
    assert after.splitlines()[1] == text.splitlines()[1]
    assert (tmp_path / "draws.csv").read_text().startswith(".imp,.id,1,2,3\n"), "these have names"
    assert notmiwae(*typed, "-o", tmp_path / "out.tsv").status == 0
    assert len((tmp_path / "out.tsv").read_text().splitlines()) == ROWS
    assert "--ignore: no column '4' in" in refused(*typed, "-o", tmp_path / "o.csv", "--ignore", "4")
