"""Measured tables: the shapes that the paper's figures belong to, and files that aren't as they should be."""

import hashlib
import math
import re

import numpy as np
import pandas as pd
import pytest

from notmiwae.cli.input_checks import read_rows
from notmiwae.errors import DataError, ParameterError
from notmiwae.randomness import generator
from notmiwae.specs import parse_entry
from reading_options import reading
from study.data.sources.source import sources
from study.data.tables import as_numbers, categories, read_stored, read_table, with_kinds, write_table
from uci import ROOT, SOURCES, SUMS, rmse, uci


@pytest.mark.parametrize(
    ("name", "rows", "columns", "error"),
    [
        ("banknote", 1372, 4, 1.726),
        ("concrete", 1030, 9, 1.847),
        ("red", 1599, 11, 1.838),
        ("white", 4898, 11, 1.739),
        ("yeast", 1484, 7, 1.688),
        ("breast", 569, 30, 1.820),
    ],
)
def test_the_papers_tables_have_its_shapes_and_its_error_of_mean_imputation(name, rows, columns, error):
    spec, complete, masked = uci(name)
    assert complete.shape == (rows, columns)
    assert masked.columns[masked.isna().any()].tolist() == complete.columns[: columns // 2].tolist()
    # Above the mean, which is 0 once standardised, and only there.
    assert np.array_equal(
        masked.isna().to_numpy()[:, : columns // 2], complete.to_numpy()[:, : columns // 2] > 0
    )
    assert rmse(masked.fillna(masked.mean()), complete, masked) == pytest.approx(error, abs=5e-4)
    assert spec.source.fixed
    assert spec.mechanism.is_deterministic(complete)


@pytest.mark.parametrize("name", SOURCES)
def test_standardised_columns_have_mean_0_and_sd_1_and_keep_their_order(name):
    raw = sources.parse(SOURCES[name] | {"standardise": False}).draw(generator(0))
    table = sources.parse(SOURCES[name]).draw(generator(1))
    assert table.mean().to_numpy() == pytest.approx(0, abs=1e-9)
    assert table.std(ddof=0).to_numpy() == pytest.approx(1)
    restored = table * raw.std(ddof=0) + raw.mean()
    np.testing.assert_allclose(restored, raw, atol=1e-6)


def test_what_is_left_of_the_tables_is_what_the_paper_used():
    columns = {name: list(uci(name)[1].columns) for name in SOURCES}
    assert columns["banknote"] == ["variance", "skewness", "curtosis", "entropy"]
    assert columns["concrete"][-1] == "strength"
    assert columns["yeast"] == ["mcg", "gvh", "alm", "mit", "erl", "pox", "vac"]
    assert "quality" not in columns["red"] + columns["white"]
    assert columns["red"] == columns["white"]


@pytest.mark.parametrize("offset", [0.25, 0.5, 0.75, 1.0])
def test_appendix_e_moves_the_cut_by_shares_of_a_standard_deviation(offset):
    _, complete, masked = uci("banknote", offset)
    assert np.array_equal(masked.isna().to_numpy()[:, :2], complete.to_numpy()[:, :2] > offset)


def test_the_files_are_the_ones_that_the_list_of_checksums_names():
    for name, digest in SUMS.items():
        assert hashlib.sha256((ROOT / "data" / name).read_bytes()).hexdigest() == digest


# --- any CSV


def entry(tmp_path, text, **fields):
    """A file with `text`, and the entry that describes it."""
    path = tmp_path / "table.csv"
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(content)
    return {"kind": "csv", "file": str(path), "sha256": hashlib.sha256(content).hexdigest(), **fields}


def draw(entry):
    return sources.parse(entry).draw(generator(0))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a,b\n1,2\n3,4\n", {}),
        ("a,b\r\n1,2\r\n3,4", {}),
        ('"a";"b"\n1;2\n3;4\n', {"separator": ";"}),
        ("a\tb\n1\t2\n3\t4\n", {"separator": "\t"}),
        ("a|b\n1|2\n3|4\n", {"separator": "|"}),
        ("1 2\n  3    4\n", {"separator": "whitespace", "names": ["a", "b"]}),
        ("a,x,b\n1,?,2\n3,,4\n", {"drop": ["x"]}),
    ],
)
def test_separators_headers_and_drops(tmp_path, text, fields):
    table = draw(entry(tmp_path, text, **fields))
    assert list(table.columns) == ["a", "b"]
    assert table.to_numpy().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert (table.dtypes == np.float64).all()


def test_standardising_divides_by_n(tmp_path):
    table = draw(entry(tmp_path, "a\n1\n3\n8\n", standardise=True))
    sd = math.sqrt((9 + 1 + 16) / 3)
    assert table["a"].tolist() == pytest.approx([-3 / sd, -1 / sd, 4 / sd])


@pytest.mark.parametrize(
    ("text", "fields", "message"),
    [
        ("a,b\n1,2\n", {"drop": ["c"]}, "no column 'c' to drop; accepted: a, b"),
        ("alpha,b\n1,2\n", {"drop": ["alhpa"]}, "did you mean 'alpha'"),
        ("a,b\n1,2\n3,\n", {}, "row 1, column 'b': nothing, expected a number"),
        ("a,b\n1,2\n3\n", {}, "row 1, column 'b': nothing, expected a number"),
        ("a,b\n1,x\n", {}, "row 0, column 'b': 'x', expected a number"),
        ("a,b\n1,2\nNA,4\n", {}, "row 1, column 'a': 'NA', expected a number"),
        ("a,b\n1,inf\n", {}, "row 0, column 'b': 'inf', expected a number"),
        ("a,b\n1,2\n3,4,5\n", {}, "not a table of text: .*line 3"),
        ("a,b\n1,2,3\n3,4,5\n", {}, "not a table of text: .*line 2"),
        ("a,a\n1,2\n", {}, "2 columns, expected a different name for each, found a, a"),
        ("1,2\n", {"names": ["a"]}, "2 columns, expected a different name for each, found a"),
        ("", {}, "not a table of text"),
        (b"\xff\xfe,b\n1,2\n", {}, "not a table of text"),
        ("a,b\n", {}, "0 rows and 2 columns, expected 1 or more"),
        ("a\n1\n", {"drop": ["a"]}, "1 rows and 0 columns, expected 1 or more"),
        ("a,b\n1,2\n1,3\n", {"standardise": True}, r"column 'a' is constant \(1\)"),
    ],
)
def test_an_unusable_file_is_named_in_one_line_with_the_place(tmp_path, text, fields, message):
    described = entry(tmp_path, text, **fields)
    with pytest.raises(DataError, match=message) as raised:
        draw(described)
    assert str(raised.value).startswith(f"{described['file']}: ")
    assert "\n" not in str(raised.value)


def test_an_altered_or_absent_file_is_named(tmp_path):
    described = entry(tmp_path, "a\n1\n")
    (tmp_path / "table.csv").write_text("a\n2\n")
    with pytest.raises(DataError, match="altered"):
        draw(described)
    (tmp_path / "table.csv").unlink()
    with pytest.raises(DataError, match="can't be read"):
        draw(described)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"separator": ",,"}, "separator"),
        ({"names": []}, "names: .*at least 1"),
        ({"sha256": "0"}, "sha256"),
        ({"dorp": ["a"]}, "unknown key.*did you mean 'drop'"),
    ],
)
def test_a_bad_entry_is_named(tmp_path, fields, message):
    with pytest.raises(ParameterError, match=message):
        parse_entry(sources, entry(tmp_path, "a\n1\n") | fields, "source")


def own_table(path, **fields):
    content = path.read_bytes()
    entry = {"kind": "table", "file": str(path), "sha256": hashlib.sha256(content).hexdigest()} | fields
    return parse_entry(sources, entry, "params.yaml")


MESSY = """id;when;region;trained;age;income
R1;01/02/2024;north;yes;31;1500
R2;03/02/2024;;no;-9;refused
R3;04/02/2024;south;99;44;2100
R4;05/02/2024;south;yes;99;refused
"""


def test_an_own_table_is_read_as_the_command_reads_it(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(MESSY)
    source = own_table(path, na=["refused", -9, 99], ignore=["id"], kinds={"age": "continuous"})
    stored = source.draw(generator(0))
    typed = reading(input=path, ignore=["id"], group={}, given={}, censored=[], na=["refused", "-9", "99"])
    read = read_rows(typed, {"age": "continuous"}, {}, None).modelled
    assert list(stored) == list(read) == ["region", "trained", "age", "income"]
    pd.testing.assert_frame_equal(stored.isna(), read.isna())
    assert categories(stored) == {"region": ["north", "south"], "trained": ["no", "yes"]}
    assert stored["region"].dropna().tolist() == ["north", "south", "south"]
    assert [str(stored[name].dtype) for name in ("age", "income")] == ["Float64", "Int64"]
    numbers = as_numbers(stored)
    assert numbers["income"].tolist()[::2] == [1500.0, 2100.0]
    assert numbers["trained"].fillna(-1).tolist() == [1, 0, -1, 1]


def test_an_own_table_has_the_reading_options_of_the_command():
    fields = set(sources._classes["table"].model_fields)
    assert set(vars(reading())) == fields - {"file", "sha256", "ignore", "kinds", "limits"}


def test_a_table_comes_back_from_disk_with_its_kinds(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(MESSY)
    stored = own_table(path, na=["refused", -9, 99], ignore=["id"]).draw(generator(0))
    write_table(stored, tmp_path / "000.parquet")
    pd.testing.assert_frame_equal(read_stored(tmp_path, 0), stored, check_dtype=False)
    numbers = read_table(tmp_path, 0)
    pd.testing.assert_frame_equal(with_kinds(numbers, stored), read_stored(tmp_path, 0))
    pd.testing.assert_frame_equal(as_numbers(with_kinds(numbers, stored)), numbers)


def test_an_own_table_may_be_parquet(tmp_path):
    path = tmp_path / "own.parquet"
    frame = pd.DataFrame({"a": [1.5, None, 3.0], "b": pd.array([1, None, 4], "Int64"), "c": ["x", "y", None]})
    frame.to_parquet(path)
    table = own_table(path, ignore=["c"]).draw(generator(0))
    pd.testing.assert_frame_equal(as_numbers(table), frame[["a", "b"]].astype(float))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,x\n2,3\n4,5\n", "column 'b': 'x' in row 1 is no number"),
        ("a,b\n1,\n2,NA\n", "column 'b': no value at all; accepted: some values, or --ignore b"),
        ("a,b\n1,inf\n2,3\n", "column 'b': 'inf' in row 1 is not finite"),
    ],
)
def test_what_an_own_table_may_not_hold_is_named(tmp_path, text, message):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        own_table(path).draw(generator(0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ignore": ["idd"]}, "--ignore: no column 'idd'"),
        ({"limits": {"incme": [0, None]}}, "--limits: no column 'incme'"),
        ({"limits": {"region": [0, None]}}, "limits: region: a categorical column has none"),
    ],
)
def test_a_column_that_an_own_table_has_not_is_named(tmp_path, fields, message):
    path = tmp_path / "own.csv"
    path.write_text(MESSY)
    with pytest.raises(ParameterError, match=re.escape(message)):
        own_table(path, **({"na": ["refused", -9, 99], "ignore": ["id"]} | fields)).draw(generator(0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"drop": ["a"]}, "unknown key"),
        ({"kinds": {"a": "catgorical"}}, "kinds.a: unknown kind 'catgorical'; did you mean 'categorical'?"),
        ({"limits": {"a": [0]}}, "limits.a"),
        ({"na": [False]}, "na: a truth value is no text; accepted: 'no' and its likes in quotes"),
    ],
)
def test_a_bad_entry_of_an_own_table_is_named(tmp_path, fields, message):
    path = tmp_path / "own.csv"
    path.write_text("a\n1\n")
    with pytest.raises(ParameterError, match=re.escape(message)):
        own_table(path, **fields)


def test_a_broken_parquet_file_is_named(tmp_path):
    path = tmp_path / "own.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match="is no Parquet file"):
        own_table(path).draw(generator(0))


def test_an_own_table_with_cells_below_a_limit_is_refused_as_the_pipeline_has_no_limits(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("a,b\n1.5,2\n<0.5,3\n2.5,\n1.1,4\n")
    with pytest.raises(DataError, match=r"column 'a' has cells as '<0\.5'; accepted in the pipeline"):
        own_table(path).draw(generator(0))
