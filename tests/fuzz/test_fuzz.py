"""Whatever bytes a table or a params.yaml holds: it's read, or refused in one line."""

import io
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from fuzzed_inputs import JUNK, fuzzed, spliced
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.cli.table_input import Table, read
from notmiwae.errors import DataError, ParameterError
from notmiwae.mechanisms.mechanism import mechanisms
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.model.observation.observation_model import observations
from notmiwae.specs import Spec, parse_entry, parse_spec
from notmiwae.training.recipe import RecipeSpec
from reading_options import reading
from study.baselines.baseline import baselines
from study.data.datasets import DatasetSpec
from study.data.sources.source import sources
from study.run.params_file import lookup, read_params

ROOT = Path(__file__).parents[2]

# --- tables

CSV = [
    b"a,b,c\n1,2.5,x\n,3,y\n4,,z\n",
    b'"a, b";c;d\n"1,5";3;"q ""r"""\n2,5;;x\n',
    b"\xef\xbb\xbfname\tvalue\r\nm\xc3\xbcller\t1e5\r\nNA\t-.5\r\n",
    b"x\n1\n\n3\n",
    b",n,when\n0,1,2020-01-01\n1,2,\n",
]
CSV_PIECES = [
    *",;\t|\n\r\"'", "\r\n", '""', "\0", "\ufeff", "NA", "nan", "inf", "-Infinity", "1e999",
    "1e-999", "0x1f", "1_000", "00012", "9" * 400, "١٢٣", "½", "−1", "true", "None", "#N/A", "=1+1", "\u2028",
    "\x1c", "a" * 200_000, "\\t",
]  # fmt: skip


def checked(path: Path, typed: Namespace, **more: Any) -> Table | None:
    """The table if it can be read: numbers are finite, names differ."""
    try:
        table = read(path, typed, **more)
    except DataError as error:
        said, table = str(error), None
    if table is None:
        assert said
        assert "\n" not in said
        return None
    assert table.frame.columns.is_unique
    for name in table.frame.columns.difference(table.carried):
        column = table.frame[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            assert not np.isinf(column.dropna().to_numpy(dtype=float)).any()
    return table


@fuzzed
@given(
    content=spliced(CSV, [piece.encode() for piece in CSV_PIECES])
    | st.binary(max_size=60)
    | st.text().map(str.encode),
    separator=st.sampled_from([None, None, ",", ";", '"', "\n", "\r", " ", "\\t", "ab", ""]),
    decimal=st.sampled_from([None, None, ".", ","]),
    kinds=st.dictionaries(
        st.sampled_from(["a", "b", "x"]), st.sampled_from(["continuous", "count", "binary", "categorical"])
    ),
    carried=st.lists(st.sampled_from(["a", "c"]), max_size=1),
)
def test_a_csv_file(
    tmp_path: Path, content: bytes, separator: str | None, decimal: str | None, kinds: dict, carried: list
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    checked(path, reading(separator=separator, decimal=decimal), kinds=kinds, carried=carried)


def parquet(frame: pd.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.to_parquet(written)
    return written.getvalue()


PARQUET = [
    parquet(pd.DataFrame({"a": [1.0, None, 3.0], "b": ["x", None, "y"], "c": [1, 2, 3]})),
    parquet(pd.DataFrame({"when": pd.to_datetime(["2020-01-01", None]), "n": [[1], [2, 3]]})),
    parquet(pd.DataFrame({"t": [True, None]}, index=pd.Index(["r", "s"], name="id"))),
]


@fuzzed
@given(content=spliced(PARQUET, [b"PAR1", b"\0" * 8, b"\xff" * 8, b"pandas", b"\x7f\xff\xff\xff"]))
def test_a_parquet_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    checked(path, reading())


def workbook(change: Callable[[str, bytes], bytes] = lambda name, text: text) -> bytes:
    """A workbook whose files are altered."""
    written, altered = io.BytesIO(), io.BytesIO()
    pd.DataFrame({"a": [1.0, None, 3.0], "b": ["x", None, "y"], "c": [True, False, None]}).to_excel(written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(altered, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return altered.getvalue()


WORKBOOK_PIECES = [
    b"<v>", b"</c>", b"<c/>", b'r="A9"', b'r="ZZZ9"', b't="s"', b't="b"', b't="d"', b"1e999", b"nan", b"&x;",
    b"<!DOCTYPE a>", b"<f>1+1</f>", b'<row r="9">', b"</row>", b"<mergeCell ref='A1:B2'/>", b"\0", b"\xff",
]  # fmt: skip


@fuzzed
@given(content=spliced([workbook()], [b"PK\x03\x04", b"\0" * 8, b"\xff" * 8, b"xl/", b"<c>"]))
def test_bytes_of_a_workbook(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(content)
    checked(path, reading())


with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
    SHEET = archive.read("xl/worksheets/sheet1.xml")


@fuzzed
@given(sheet=spliced([SHEET], WORKBOOK_PIECES))
def test_a_sheet_of_a_workbook(tmp_path: Path, sheet: bytes) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(workbook(lambda name, text: sheet if name.endswith("sheet1.xml") else text))
    checked(path, reading())


def stata_file(version: int) -> bytes:
    """A Stata file with numbers, whole ones, labels and texts."""
    written = io.BytesIO()
    table = pd.DataFrame({"a": [1.5, None, 3.0], "b": ["x", "", "y"], "c": [1, 2, 1], "d": [7, 8, 9]})
    labels = {"c": {1: "no", 2: "yes"}}
    table.to_stata(written, write_index=False, version=version, value_labels=labels)
    return written.getvalue()


STATA = [stata_file(version) for version in (114, 117, 118, 119)]
STATA_PIECES = [
    *(b"<map>", b"<data>", b"<stata_dta>", b"<variable_types>", b"</N>", b"MSF", b"\0" * 8, b"\xff" * 8),
    *(b"\x7f\xff\xff\xff", b"\xf6\xff", b"\x00\x80"),
]


@fuzzed
@given(content=spliced(STATA, STATA_PIECES))
def test_a_stata_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.dta"
    path.write_bytes(content)
    checked(path, reading())


# --- params.yaml

YAML = [
    b"seed: 1\nrun: {datasets: [a, b]}\nmodels:\n  m:\n    steps: 10\n    rate: 1.0e-3\n",
    b"a: &x [1, 2]\nb: *x\nc: {<<: {d: 1}, e: null}\n# note\n---\nf: 2\n",
    yaml.safe_dump(yaml.safe_load((ROOT / "params.yaml").read_text())["models"]).encode(),
]
YAML_PIECES = [
    "[", "{", "- ", "? ", ": ", "&x ", "*x", "<<: ", "!!python/object:os.system ", "!!binary ", "!!set ",
    "!!timestamp ", "|\n", ">\n", "%YAML 9\n", "---\n", "...\n", "\t", "\0", "\ufeff", "{" * 200,
    "[" * 60_000, "- " * 60_000, ".inf", "0o7", "2020-01-01", "1e400", "~", "#", "''", "\u2028", "\x85",
]  # fmt: skip


@fuzzed
@given(
    content=spliced(YAML, [piece.encode() for piece in YAML_PIECES]) | st.binary(max_size=40),
    key=st.sampled_from(["seed", "run.datasets", "models.m.steps", "a.b"]) | st.text(max_size=6),
)
def test_a_params_file(tmp_path: Path, content: bytes, key: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    one_line(lambda: lookup(read_params(path), key, path))


PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
ENTRIES: list[tuple[Any, Any]] = [
    *((DatasetSpec, entry) for entry in PARAMS["datasets"].values()),
    *((ModelSpec, entry) for entry in PARAMS["networks"].values()),
    *(
        (RecipeSpec, PARAMS["recipes"][name] | entry)
        for model in PARAMS["models"].values()
        for name, entry in model.items()
    ),
    *((baselines, entry) for entry in PARAMS["baselines"].values() if "overrides" not in entry),
    *((sources, entry["source"]) for entry in PARAMS["datasets"].values()),
    *((mechanisms, entry["mechanism"]) for entry in PARAMS["datasets"].values()),
    *(
        (processes, entry["missing_process"])
        for model in PARAMS["models"].values()
        for entry in model.values()
    ),
    *((observations, {"kind": name}) for name in ("gaussian", "student_t", "bernoulli")),
]


@st.composite
def altered(draw: st.DrawFn) -> tuple[Any, Any]:
    """A good entry with some values replaced, removed or added, at any depth."""
    cls, entry = draw(st.sampled_from(ENTRIES))
    copy = yaml.safe_load(yaml.safe_dump(entry))
    for _ in range(draw(st.integers(1, 3))):
        inner = copy
        while isinstance(inner, dict) and inner:
            name = draw(st.sampled_from(sorted(inner, key=repr)))
            if isinstance(inner[name], dict) and draw(st.booleans()):
                inner = inner[name]
                continue
            if draw(st.integers(0, 3)):
                inner[name] = draw(JUNK)
            else:
                del inner[name]
            if not draw(st.integers(0, 3)):
                inner[draw(st.text(max_size=6))] = draw(JUNK)
            break
    return cls, copy


@fuzzed
@given(altered())
def test_an_entry_of_params(found: tuple[Any, Any]) -> None:
    cls, entry = found
    parse = parse_spec if isinstance(cls, type) and issubclass(cls, Spec) else parse_entry
    one_line(lambda: parse(cls, entry, "params.yaml: here"))


def one_line(build: Callable[[], object]) -> None:
    """The call ends well, or with an error of one line, and not an endless one."""
    try:
        build()
    except ParameterError as error:
        said = str(error)
    else:
        return
    assert said
    assert "\n" not in said
    assert len(said) < 20_000


def test_the_tests_tell_good_from_bad(tmp_path: Path) -> None:
    """What they start from is read: else they would fuzz nothing but the first check."""
    for content in CSV:
        (tmp_path / "t.csv").write_bytes(content)
        assert checked(tmp_path / "t.csv", reading()) is not None
    for content in PARQUET[::2]:
        (tmp_path / "t.parquet").write_bytes(content)
        assert checked(tmp_path / "t.parquet", reading()) is not None
    for cls, entry in ENTRIES:
        parse = parse_spec if isinstance(cls, type) and issubclass(cls, Spec) else parse_entry
        parse(cls, entry, "here")
    (tmp_path / "params.yaml").write_text("[" * 1_000_000)
    with pytest.raises(ParameterError, match="deeper than 50 levels"):
        read_params(tmp_path / "params.yaml")
