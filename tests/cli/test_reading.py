import pandas as pd
import pytest

from notmiwae.cli.table_input import read
from notmiwae.errors import DataError
from notmiwae.files import MISSING
from reading_options import reading


@pytest.fixture
def reads(tmp_path):
    def from_text(text, kinds=None, carried=(), **given):
        path = tmp_path / "t.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path, reading(**given), kinds, carried)

    return from_text


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found(reads, separator):
    table = reads("a,b,c\n1,x y,2.5\n3,z,4\n".replace(",", separator))
    assert list(table.frame) == ["a", "b", "c"]
    assert table.csv.separator == separator
    assert table.frame["c"].tolist() == [2.5, 4]


def test_a_comma_in_quotes_separates_nothing(reads):
    assert list(reads('"a, b";c\n"1, 2";3\n').frame) == ["a, b", "c"]


def test_decimal_commas(reads):
    table = reads("a;b;c\n1,5;2;x\n2,25;;y\n")
    assert table.csv.decimal == ","
    assert table.frame["a"].tolist() == [1.5, 2.25]
    assert reads("a;b\n1.5;1\n2.5;2\n").csv.decimal == "."


def test_types(reads):
    frame = reads("whole,gaps,real,name,zip\n1,1,1.5,x,01234\n2,,2,y,12345\n").frame
    assert frame.dtypes.astype(str).to_dict() == {
        "whole": "int64",
        "gaps": "Int64",
        "real": "float64",
        "name": "category",
        "zip": "category",
    }


@pytest.mark.parametrize("marker", [*MISSING, " NA "])
def test_missing_markers(reads, marker):
    assert reads(f"a,b\n{marker},1\n2.5,2\n").frame["a"].isna().tolist() == [True, False]


def test_further_missing_marker(reads):
    assert reads("a,b\n-999,1\n2,2\n", na=["-999"]).frame["a"].isna().sum() == 1


def test_byte_order_mark_and_windows_line_ends(reads):
    assert reads(b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n").frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_one_column_with_gaps(reads):
    assert reads("a\n1\n\n3\n").frame["a"].isna().tolist() == [False, True, False]


def test_carried_columns_stay_text_and_row_names_are_carried(reads):
    table = reads(',id,a\n"1",007,1\n"2",N/A,2\n', carried=["id"])
    assert table.carried == ("id", "")
    assert table.frame["id"].tolist() == ["007", "N/A"]
    assert list(table.modelled) == ["a"]


def test_named_kind_makes_text_of_mixed(reads):
    assert reads("a,b\n1,1\n2,2\n5+,3\n", {"a": "categorical"}).frame["a"].dtype == "category"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("a,b\n", "has a header and no rows"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,,c\n1,2,3\n", "column 2 has no name"),
        ("a,b\n1,inf\n2,3\n", "column 'b': 'inf' in row 1 is not finite"),
        ("a,b\n1,1e999\n2,3\n", "column 'b': inf in row 1 is not finite"),
        (
            "a,b\n70,1\n,2\n12 kg,3\n81,4\n",
            "column 'a': '12 kg' in row 3 is no number, 2 of the column's 3 values are",
        ),
        ("a,b\n1,x\n2,3,4\n", "row 2 has 3 cells; accepted: 2"),
        ("a,b\n1,x\n2\n", "row 2 has 1 cells; accepted: 2"),
        ('a,b\n1,"x\n2,y\n', "row 1"),
        (b"a,b\n1,caf\xe9\n", "line 2 holds the byte 0xe9; accepted: UTF-8"),
        (b"PK\x03\x04\x00\x00", "is a binary file"),
    ],
)
def test_what_is_no_table(reads, text, said):
    with pytest.raises(DataError) as error:
        reads(text)
    assert "t.csv: " in str(error.value)
    assert said in str(error.value)


def test_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    whole = pd.DataFrame(
        {"a": pd.array([1, None], "Int64"), "b": ["x", None], "c": [1.5, None]}, index=["r", "s"]
    )
    whole.to_parquet(path)
    table = read(path, reading())
    assert table.modelled.dtypes.astype(str).tolist() == ["Int64", "category", "float64"]
    assert table.frame[table.carried[0]].tolist() == ["r", "s"]
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match="is no Parquet file"):
        read(path, reading())
