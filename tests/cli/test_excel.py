"""Excel workbooks: read as CSV is, written as they came but for gaps; a broken or hostile one is one line."""

import datetime as dt
import io
import re
import subprocess
import sys
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Font
from openpyxl.worksheet.formula import ArrayFormula

QUICK = ["--missing-process", "mar", "--steps", "3", "--members", "1", "--samples", "3"]
ROWS = 40
draw = np.random.default_rng(0)
INCOME = draw.normal(20_000, 3_000, ROWS).round(2)
AGE = draw.integers(20, 70, ROWS)


def book(rows=None, more=None):
    """A workbook: incomes, every fifth missing, ages, cities, every seventh missing."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Data"
    for row in rows or table():
        sheet.append(row)
    if more:
        more(made)
    return made


def table(**columns):
    given = {
        "income": [None if n % 5 == 0 else float(each) for n, each in enumerate(INCOME)],
        "age": AGE.tolist(),
        "city": [None if n % 7 == 0 else "ab"[n % 2] for n in range(ROWS)],
    } | columns
    return [list(given), *map(list, zip(*given.values(), strict=True))]


def calculated(path, cell, value):
    """Give a formula's cell the result that a spreadsheet program would store."""
    content = {}
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    kind, inside = (b' t="e"', value) if value.startswith("#") else (b"", value)
    pattern = rb'<c r="%s"([^>]*?)(?: t="\w+")?><f([^>]*)>(.*?)</f><v ?/?>(?:</v>)?</c>' % cell.encode()
    name = "xl/worksheets/sheet1.xml"
    new = rb'<c r="%s"\1%s><f\2>\3</f><v>%s</v></c>' % (cell.encode(), kind, inside.encode())
    content[name], count = re.subn(pattern, new, content[name])
    assert count == 1
    with zipfile.ZipFile(path, "w") as archive:
        for part, text in content.items():
            archive.writestr(part, text)


def parts(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def imputed(notmiwae, tmp_path):
    """Imputes a workbook and returns both as openpyxl has them, and what was said."""

    def run(made, *typed):
        made.save(tmp_path / "in.xlsx")
        found = notmiwae("impute", tmp_path / "in.xlsx", "-o", tmp_path / "out.xlsx", *QUICK, *typed)
        assert found.status == 0, found.err
        return openpyxl.load_workbook(tmp_path / "out.xlsx"), found.err

    return run


def decorate(made):
    sheet = made["Data"]
    sheet["A3"].font = Font(bold=True)
    sheet.column_dimensions["A"].width = 33
    for row in range(2, ROWS + 2):
        sheet.cell(row, 1).number_format = '#,##0.00 "EUR"'
    notes = made.create_sheet("Notes")
    notes["A1"], notes["A2"] = "a note", "=SUM(Data!A2:A41)"
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=20))
    notes.add_chart(chart, "D4")


def test_a_workbook_leaves_as_it_came_but_for_its_gaps(imputed, tmp_path):
    after, said = imputed(book(more=decorate))
    before = openpyxl.load_workbook(tmp_path / "in.xlsx")
    gaps = 0
    for row in before["Data"].iter_rows():
        for cell in row:
            new = after["Data"][cell.coordinate]
            if cell.value is None:
                gaps += 1
                assert isinstance(new.value, float if cell.column == 1 else str)
            else:
                assert new.value == cell.value
            if cell.column == 1 and cell.row > 1:
                assert new.number_format == '#,##0.00 "EUR"'
    assert gaps == ROWS // 5 + 6
    assert after["Data"].column_dimensions["A"].width == 33
    assert after["Data"]["A3"].font.bold
    old, new = parts(tmp_path / "in.xlsx"), parts(tmp_path / "out.xlsx")
    assert list(old) == list(new)
    assert {name for name in old if old[name] != new[name]} == {"xl/worksheets/sheet1.xml", "xl/workbook.xml"}
    assert b'fullCalcOnLoad="1"' in new["xl/workbook.xml"], "formulas elsewhere depend on what was filled"
    assert "sheet 'Data' was read, the first of 2" in said
    assert not list(tmp_path.glob(".*"))


def test_a_complete_workbook_is_copied(notmiwae, tmp_path):
    made = book(table(income=INCOME.tolist(), city=["a"] * ROWS), more=decorate)
    made.save(tmp_path / "in.xlsx")
    assert notmiwae("impute", tmp_path / "in.xlsx", "-o", tmp_path / "out.xlsx").status == 0
    assert (tmp_path / "in.xlsx").read_bytes() == (tmp_path / "out.xlsx").read_bytes()


def test_every_format_becomes_every_other(notmiwae, tmp_path):
    book().save(tmp_path / "in.xlsx")
    for name in ("out.xlsx", "out.csv", "out.csv.gz", "out.tsv", "out.parquet"):
        typed = ["-o", tmp_path / name, "--draws", "2", "--draws-out", tmp_path / f"draws-{name}"]
        assert notmiwae("impute", tmp_path / "in.xlsx", *typed, *QUICK).status == 0
        again = tmp_path / f"again-{name}.xlsx"
        found = notmiwae("impute", tmp_path / name, "-o", again)
        assert found.status == 0, found.err
        pd.testing.assert_frame_equal(pd.read_excel(again), pd.read_excel(tmp_path / "out.xlsx"))
    draws = pd.read_excel(tmp_path / "draws-out.xlsx")
    assert list(draws) == [".imp", ".id", "income", "age", "city"]
    assert len(draws) == 3 * ROWS
    tables = {"truth": "out.csv", "masked": "in.xlsx", "imputed": "out.parquet", "draws": "draws-out.xlsx"}
    typed = [each for option, name in tables.items() for each in (f"--{option}", tmp_path / name)]
    evaluated = notmiwae("evaluate", *typed, "--json")
    assert evaluated.json()["columns"]["income"]["rmse"] == 0


def test_a_new_workbook_has_the_same_bytes_and_no_formula_of_strangers(notmiwae, tmp_path):
    rows = "".join(f"{n},=1+{n % 2},00{n}\n" for n in range(9))
    (tmp_path / "in.csv").write_text("a,b,id\n" + rows)
    for name in ("1.xlsx", "2.xlsx"):
        assert notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / name, "--ignore", "id").status == 0
    assert (tmp_path / "1.xlsx").read_bytes() == (tmp_path / "2.xlsx").read_bytes()
    sheet = openpyxl.load_workbook(tmp_path / "1.xlsx").active
    assert [cell.data_type for cell in sheet[3]] == ["n", "s", "s"]
    assert [cell.value for cell in sheet[3]] == [1, "=1+1", "001"]


def test_dates_truth_values_errors_and_texts(imputed):
    when = [dt.datetime(2026, 1, 1) + dt.timedelta(days=n) for n in range(ROWS)]
    texts = [None if n % 6 == 0 else f"{each:,.1f}" for n, each in enumerate(INCOME)]
    truth = [None if n % 4 == 0 else bool(each > 45) for n, each in enumerate(AGE)]
    rows = table(when=when, texts=texts, truth=truth, zip=[f"0{n % 9}" for n in range(ROWS)])
    rows[3][0] = "#N/A"
    rows[4][0] = "n/a"
    after, said = imputed(book(rows))
    cells = list(after["Data"].values)
    assert all(isinstance(row[0], int | float) for row in cells[1:])
    assert [row[3] for row in cells[1:]] == when
    assert all(isinstance(row[4], str) and float(row[4].replace(",", "")) > 5_000 for row in cells[1:])
    assert all(isinstance(row[5], bool) for row in cells[1:])
    assert "when: holds dates, as 2026-01-01, which aren't modelled; it's carried along" in said
    assert "notice: texts: " in said


def test_formulas_give_their_results_and_those_without_are_gaps(imputed, tmp_path, notmiwae):
    rows = table(twice=[f"=B{n + 2}*2" for n in range(ROWS)])
    path = tmp_path / "f.xlsx"
    book(rows).save(path)
    said = notmiwae("impute", path, "-o", tmp_path / "o.xlsx", *QUICK).err
    assert "column 'twice': cell D2 holds a formula that was never calculated" in said
    for n, age in enumerate(AGE):
        calculated(path, f"D{n + 2}", "#DIV/0!" if n % 8 == 0 else str(2 * age))
    found = notmiwae("impute", path, "-o", tmp_path / "o.xlsx", *QUICK)
    assert found.status == 0, found.err
    assert (
        "twice: 40 of its cells hold formulas, from D2 on; their values are those that were last" in found.err
    )
    assert "5 of them have no result, and are missing" in found.err
    formulas = openpyxl.load_workbook(tmp_path / "o.xlsx")["Data"]["D"][1:]
    results = openpyxl.load_workbook(tmp_path / "o.xlsx", data_only=True)["Data"]["D"][1:]
    for n, (formula, result) in enumerate(zip(formulas, results, strict=True)):
        assert (formula.value == f"=B{n + 2}*2") == bool(n % 8)
        assert result.value == 2 * AGE[n] if n % 8 else result.value > 30


def test_a_formula_of_several_cells_isnt_taken_from_them(notmiwae, tmp_path):
    rows = table(array=[1.5] * ROWS)
    made = book(rows)
    made["Data"]["D2"] = ArrayFormula("D2:D3", "=B2:B3*2")
    made.save(tmp_path / "in.xlsx")
    calculated(tmp_path / "in.xlsx", "D2", "#N/A")
    said = notmiwae("impute", tmp_path / "in.xlsx", "-o", tmp_path / "o.xlsx", *QUICK).err
    assert "cell D2 holds the formula of other cells, too, and no result; accepted: a value" in said


def test_sheets_rows_and_columns_beside_the_table(imputed, refused, tmp_path, notmiwae):
    rows = table()
    shifted = [
        [None] * 4,
        [None] * 4,
        *[[None, *row] for row in rows[:9]],
        [None] * 4,
        *[[None, *row] for row in rows[9:]],
    ]
    made = book([["not", "this"], [1, 2]])
    other = made.create_sheet("Real data")
    for row in shifted:
        other.append(row)
    after, said = imputed(made, "--sheet", "Real data")
    assert [row for row in after["Real data"].values if row[1] is None] == [(None,) * 4] * 3
    assert after["Data"]["A1"].value == "not"
    assert "row 12 of sheet 'Real data': empty, and passed over" in said
    assert "did you mean 'Real data'? accepted: Data, Real data" in refused(
        "describe", tmp_path / "in.xlsx", "--sheet", "Real dat"
    )
    (tmp_path / "a.csv").write_text("a,b\n1,2\n2,3\n")
    assert "--sheet: " in refused("describe", tmp_path / "a.csv", "--sheet", "Data")
    book([row[:1] for row in rows]).save(tmp_path / "one.xlsx")
    found = notmiwae("describe", tmp_path / "one.xlsx", "--json").json()
    assert found["missing_cells"] == ROWS // 5, "an empty row of a single column is a gap"


def test_gaps_of_a_single_column_are_filled(imputed):
    after, _ = imputed(
        book([["income"], *[[each] for each in INCOME.tolist()[:10]], [], [None], *[[5.0]] * 20])
    )
    assert [isinstance(row[0], int | float) for row in after["Data"].values] == [False] + [True] * 32


def test_without_a_header(imputed):
    after, said = imputed(book(table()[1:]), "--no-header", "--ignore", "3")
    assert after["Data"].max_row == ROWS
    assert after["Data"]["A1"].value > 10_000
    assert "missing: 1 8 (20.0%)" in said


def bomb():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in book_parts().items():
            archive.writestr(name, text)
        archive.writestr("xl/media/zeros.bin", b"\0" * 2**29)
    return made.getvalue()


def book_parts(**changed):
    made = io.BytesIO()
    book().save(made)
    with zipfile.ZipFile(made) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(change):
    found = {name: change(name, text) for name, text in book_parts().items()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in found.items():
            if text is not None:
                archive.writestr(name, text)
    return made.getvalue()


def in_sheet(old, new):
    return packed(lambda name, text: text.replace(old, new) if name.endswith("sheet1.xml") else text)


ENTITY = b'<!DOCTYPE worksheet [<!ENTITY x SYSTEM "file:///etc/passwd">]><worksheet'
HOSTILE = {
    "nothing": (lambda: b"", "is no Excel workbook that can be read"),
    "text": (lambda: b"a,b\n1,2\n", "is no Excel workbook that can be read"),
    "a zip": (lambda: packed(lambda name, text: None if "rels" in name else text), "is no Excel workbook"),
    "cut off": (lambda: packed(lambda name, text: text)[:3000], "is no Excel workbook that can be read"),
    "bits turned": (lambda: packed(lambda name, text: text)[:-400] + b"\0" * 400, "is no Excel workbook"),
    "encrypted": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "is encrypted, or"),
    "a bomb": (bomb, "MiB when it's unpacked; accepted: 256"),
    "an entity": (lambda: in_sheet(b"<worksheet", ENTITY), "'xl/worksheets/sheet1.xml' has a document type"),
    "no cell": (lambda: in_sheet(b'r="A3"', b'r="3A"'), "a cell is called '3A'"),
    "far away": (lambda: in_sheet(b'<row r="5"', b'<row r="999999999"'), "a cell in row 999999999"),
    "no number": (lambda: in_sheet(b"<v>", b"<v>x"), "is no Excel workbook that can be read"),
    "no sheet": (lambda: packed(lambda _, text: text.replace(b'/worksheet"', b'/x"')), "has no sheet of"),
    "no such text": (lambda: in_sheet(b't="n"', b't="s"'), "is no Excel workbook that can be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_or_hostile_workbook_is_one_line(refused, tmp_path, name):
    make, said = HOSTILE[name]
    (tmp_path / "in.xlsx").write_bytes(make())
    error = refused("impute", tmp_path / "in.xlsx", "-o", tmp_path / "o.xlsx", *QUICK)
    assert said in error
    assert str(tmp_path / "in.xlsx") in error
    assert len(error) < 600


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["Survey of 2026"], *table()], "cell C2 holds 'city', and the header, the first row, ends in A1"),
        ([["a", "b"]], "has a header and no rows"),
        ([[]], "is empty"),
        ([["a", "a"], [1, 2]], "two columns are called 'a'"),
        ([["a", None, "c"], [1, 2, 3]], "column 2 has no name"),
        ([*table(), [1, 2, "a", "stray"]], "cell D42 holds 'stray'"),
        ([*table(), ["lots", 2, "a"]], "column 'income': 'lots' in cell A42 is no number"),
        ([*table(), [1, 2, "a\nb"], ["1e999", 2, "a"]], "column 'income': inf in cell A43 is not finite"),
    ],
)
def test_what_is_no_table_names_the_cell(refused, tmp_path, rows, said):
    book(rows).save(tmp_path / "in.xlsx")
    error = refused("impute", tmp_path / "in.xlsx", "-o", tmp_path / "o.xlsx", *QUICK)
    assert said in error
    assert "sheet 'Data'" in error


def test_merged_cells_are_named(refused, tmp_path):
    made = book()
    made["Data"].merge_cells("C4:C6")
    made.save(tmp_path / "in.xlsx")
    assert "cells C4:C6 are merged" in refused(
        "impute", tmp_path / "in.xlsx", "-o", tmp_path / "o.csv", *QUICK
    )


def test_what_a_sheet_has_no_room_for_is_said_before_training(refused, tmp_path):
    (tmp_path / "in.csv").write_text("a,b\n1,2\n,3\n" + 9 * "4,5\n" + f"6,{'7' * 40_000}x\n")
    typed = ["impute", tmp_path / "in.csv", "-o", tmp_path / "o.xlsx", *QUICK]
    assert "the text in row 12 has 40,001 characters" in refused(*typed, "--quiet", "--kind", "b=categorical")
    (tmp_path / "in.csv").write_text("a,b\n" + 9 * "1,x\x07\n" + ",y\n")
    assert "holds the character '\\x07'" in refused(*typed, "--quiet")
    (tmp_path / "in.csv").write_text("a,b\n" + 1000 * "1,x\n" + ",y\n")
    typed = [*typed, "--quiet", "--draws", "1100", "--draws-out", tmp_path / "d.xlsx"]
    assert "a sheet has room for 1,048,576" in refused(*typed)


@pytest.mark.parametrize("name", ["t.xls", "t.xlsm", "t.ods", "t.sav", "t.json"])
def test_other_formats_are_refused_by_name(refused, tmp_path, name):
    (tmp_path / name).write_text("a,b\n1,2\n")
    assert "can't be read; accepted: .csv" in refused("describe", tmp_path / name)


def test_without_openpyxl_a_line_says_how_to_have_it(tmp_path):
    book().save(tmp_path / "in.xlsx")
    (tmp_path / "in.csv").write_text("a,b\n1,2\n,3\n")
    code = "import sys; sys.modules['openpyxl'] = None; from notmiwae.cli.main import main; sys.exit(main())"
    for typed in (["describe", "in.xlsx"], ["impute", "in.csv", "-o", "o.xlsx"]):
        found = subprocess.run(
            [sys.executable, "-c", code, *typed], cwd=tmp_path, capture_output=True, text=True
        )
        assert found.returncode == 2
        assert found.stderr.count("\n") == 1
        assert 'pip install "notmiwae[excel]"' in found.stderr
