"""What a file's cells are taken for, and that those that were seen leave as they came, text for text."""

import csv
import gzip
import io
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notmiwae.cli.csv_text import read_csv_text
from notmiwae.cli.main import main
from notmiwae.cli.number_text import Affixes, affixes, as_number
from notmiwae.cli.suspects import is_identifier, sentinel
from notmiwae.files import MISSING

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


LINES = {"\n": "unix", "\r\n": "windows", "\r": "old mac"}
field = st.one_of(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=6),
    st.floats(-1e6, 1e6).map(str),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(field, field), min_size=1, max_size=8),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(list(LINES)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    last=st.booleans(),
    blank=st.booleans(),
)
def test_a_file_is_read_as_its_cells_and_written_as_its_bytes(
    tmp_path, rows, quoting, separator, end, encoding, last, blank
):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerows([("name", "value"), *rows])
    text = file.getvalue()
    if blank:
        text = text.replace(end, end + end, 1)
    content = (text if last else text.rstrip(end)).encode(encoding)
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    typed = SimpleNamespace(separator=separator, decimal=".", encoding=None, comment=None, no_header=False)
    typed.encoding = encoding if encoding == "latin-1" else None
    found = read_csv_text(path, typed, MISSING)
    assert [tuple(row) for row in found.texts.itertuples(index=False)] == rows
    assert found.file(found.raw) == content


DRESSED = {
    "quotes": lambda text: "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()
    ),
    "windows": lambda text: text.replace("\n", "\r\n"),
    "old mac": lambda text: text.replace("\n", "\r"),
    "comments": lambda text: "# a survey\n" + text.replace("\n", "\n# so far\n", 2),
    "blank lines": lambda text: "\n" + text + "\n\n",
}


@pytest.mark.parametrize("dress", DRESSED)
def test_whatever_a_file_looks_like_it_leaves_so_but_for_its_gaps(notmiwae, tmp_path, dress):
    _, text = written([f"{value:.2f}" for value in INCOME])
    text = DRESSED[dress](text)
    after, _ = imputed(notmiwae, tmp_path, text, *(["--comment", "#"] if dress == "comments" else []))
    after = (tmp_path / "out.csv").read_bytes().decode()
    gaps = 0
    end = {"windows": "\r\n", "old mac": "\r"}.get(dress, "\n")
    for old, new in zip(text.split(end), after.split(end), strict=True):
        if not old.startswith((",", '"",')):
            assert new == old
        else:
            gaps += 1
            assert new.endswith(old[old.index(",") :])
            assert new.startswith('"') == (dress == "quotes")
    assert gaps == ROWS / 5


def test_latin_1_utf_16_and_gzip_are_read_and_written_as_they_came(notmiwae, tmp_path):
    names = {"who": ["Zoë", "Mäx"] * (ROWS // 2)}
    _, text = written([f"{value:.2f}" for value in INCOME], more=names)
    for name, content, typed in (
        ("latin.csv", text.encode("latin-1"), ["--encoding", "latin-1"]),
        ("wide.csv", text.encode("utf-16"), []),
        ("packed.csv.gz", gzip.compress(text.encode()), []),
    ):
        (tmp_path / name).write_bytes(content)
        out = tmp_path / f"out-{name}"
        found = notmiwae("impute", tmp_path / name, "-o", out, *QUICK, *typed)
        assert found.status == 0, found.err
        after = gzip.decompress(out.read_bytes()) if name.endswith("gz") else out.read_bytes()
        assert "Zoë" in after.decode({"latin.csv": "latin-1", "wide.csv": "utf-16"}.get(name, "utf-8"))
    (tmp_path / "latin.csv").write_bytes(text.encode("latin-1"))
    refused = notmiwae("impute", tmp_path / "latin.csv", "-o", tmp_path / "x.csv", *QUICK)
    assert refused.status == 2
    assert "--encoding" in refused.err
    refused = notmiwae("impute", tmp_path / "latin.csv", "-o", tmp_path / "x.csv", "--encoding", "klingon")
    assert "--encoding: found 'klingon'" in refused.err


def test_a_comment_above_the_header_is_named_with_its_remedy(notmiwae, tmp_path):
    _, text = written([f"{value:.2f}" for value in INCOME])
    (tmp_path / "in.csv").write_text("# exported, by hand, in May\n" + text)
    refused = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "out.csv", *QUICK)
    assert refused.status == 2
    assert "--comment '#'" in refused.err


def test_a_link_is_written_through_and_other_formats_are_refused_before_training(notmiwae, tmp_path):
    _, text = written([f"{value:.2f}" for value in INCOME])
    (tmp_path / "in.csv").write_text(text)
    (tmp_path / "target.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "target.csv")
    found = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "link.csv", *QUICK)
    assert found.status == 0, found.err
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "target.csv").read_text().startswith("income,age\n")
    for name in ("out.xls", "out.sav", "out.json"):
        refused = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / name, *QUICK)
        assert refused.status == 2
        assert "accepted: .csv, .csv.gz, .tsv, .parquet, .xlsx" in refused.err


def test_pipes_and_the_standard_streams(tmp_path):
    _, text = written([f"{value:.2f}" for value in INCOME])
    (tmp_path / "in.csv").write_text(text)
    program = f"{sys.executable} -m notmiwae.cli"
    quick = " ".join(QUICK)
    for line in (
        f"cat in.csv | {program} impute - -o - {quick} --quiet > out.csv",
        f"{program} impute <(cat in.csv) -o >(cat > out.csv) {quick}; sleep 1",
        f"{program} impute /dev/stdin -o /dev/stdout {quick} < in.csv 2> said > out.csv",
    ):
        found = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "/tmp/notmiwae-" not in found.stderr
        after = (tmp_path / "out.csv").read_text().splitlines()
        assert len(after) == ROWS + 1
        assert not any(row.startswith(",") for row in after)
        (tmp_path / "out.csv").unlink()
    assert "wrote /dev/stdout" in (tmp_path / "said").read_text()
    line = f"echo 1 | {program} impute - -o - {quick}"
    found = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("error: standard input: ")


@pytest.mark.parametrize("seed", ["-3", "99999999999", "x"])
def test_a_seed_that_is_none_is_refused(notmiwae, tmp_path, capsys, seed):
    with pytest.raises(SystemExit, match="2"):
        notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--seed", seed)
    assert "--seed" in capsys.readouterr().err


def test_new_rows_may_have_fractions_where_counts_were_learnt(notmiwae, tmp_path):
    _, text = written([f"{value:.2f}" for value in INCOME])
    (tmp_path / "in.csv").write_text(text)
    saved = ("--model-out", tmp_path / "model")
    assert notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "a.csv", *QUICK, *saved).status == 0
    (tmp_path / "new.csv").write_text("income,age\n,30.5\n20000,\n21000,40\n")
    found = notmiwae("impute", tmp_path / "new.csv", "-o", tmp_path / "b.csv", "--model", tmp_path / "model")
    assert found.status == 0, found.err
    rows = cells((tmp_path / "b.csv").read_text())
    assert rows[1][1] == "30.5"
    assert rows[3] == ["21000", "40"]
    assert float(rows[2][1]) % 1 == 0
