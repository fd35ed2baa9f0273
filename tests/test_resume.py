"""Notes of what an output was made from: they change with everything that matters, and with nothing else."""

import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.model.not_miwae import ModelSpec
from notmiwae.specs import parse_spec
from notmiwae.training.recipe import RecipeSpec
from study.run import resume
from study.run.parallel import ComputeSpec
from study.run.resume import fingerprint, is_current, note, note_path

RECIPE = {
    "missing_process": {"kind": "self_masking", "direction": "high"},
    "training": {"steps": 10},
    "imputation": {"samples": 5},
}


def recipe(**changes):
    """The recipe with keys of its sections replaced."""
    return parse_spec(
        RecipeSpec,
        {name: RECIPE[name] | changes.get(name, {}) for name in RECIPE} | changes.get("own", {}),
        "here",
    )


# --- fingerprints


@given(st.binary(min_size=1, max_size=50), st.data())
def test_every_byte_of_a_file_counts(tmp_path_factory, content, data):
    file = tmp_path_factory.mktemp("bytes") / "000.parquet"
    file.write_bytes(content)
    before = fingerprint(file)
    assert fingerprint(file) == before
    place = data.draw(st.integers(0, len(content) - 1))
    file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert fingerprint(file) != before
    file.write_bytes(content + b"\0")
    assert fingerprint(file) != before


@pytest.fixture
def members(tmp_path):
    folder = tmp_path / "000"
    for number, content in enumerate(["a", "b"]):
        (folder / f"{number:02d}").mkdir(parents=True)
        (folder / f"{number:02d}" / "weights").write_text(content)
    return folder


FOLDER_CHANGES = {
    "another byte": lambda folder: (folder / "01/weights").write_text("c"),
    "a file more": lambda folder: (folder / "01/more").write_text(""),
    "a file less": lambda folder: (folder / "01/weights").unlink(),
    "another name": lambda folder: (folder / "01/weights").rename(folder / "01/weight"),
    "members swapped": lambda folder: [
        (folder / f"{number:02d}/weights").write_text(content) for number, content in enumerate("ba")
    ],
}


@pytest.mark.parametrize("change", FOLDER_CHANGES)
def test_every_file_of_a_folder_counts(members, change):
    before = fingerprint(members)
    FOLDER_CHANGES[change](members)
    assert fingerprint(members) != before


def test_where_and_when_an_input_was_written_does_not_count(members, tmp_path):
    moved = shutil.copytree(members, tmp_path / "elsewhere" / "000")
    for path in moved.rglob("*"):
        os.utime(path, (1, 1))
    assert fingerprint(moved) == fingerprint(members)


@pytest.mark.parametrize(
    "changes",
    [
        {"missing_process": {"direction": "low"}},
        {"missing_process": {"initial_slope": 3.5}},
        {"missing_process": {"kind": "two_sided", "direction": ...}},
        {"training": {"steps": 11}},
        {"training": {"warm_start": 1}},
        {"training": {"gradient_clip": 1.0}},
        {"imputation": {"draws": 3}},
        {"own": {"members": 2}},
        {"own": {"network": "deep"}},
    ],
    ids=str,
)
def test_every_field_of_a_spec_counts_however_deep(changes):
    for entry in changes.values():
        if entry.get("direction") is ...:
            changes = {"own": {"missing_process": {"kind": entry["kind"]}}}
    assert fingerprint(recipe(**changes)) != fingerprint(recipe())


def test_a_default_counts_as_what_it_stands_for():
    assert fingerprint(recipe(training={"slack": 1.0, "warm_start": 0})) == fingerprint(recipe())
    assert fingerprint(ModelSpec(latent_size=None)) != fingerprint(ModelSpec(latent_size=1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1,), ("1",)),
        ((1, 2), (2, 1)),
        ((1, 2), (12,)),
        (("ab", "c"), ("a", "bc")),
        (("a",), ("a", "")),
        ((recipe(), 1), (1, recipe())),
    ],
    ids=str,
)
def test_inputs_are_told_apart_by_type_order_and_where_each_ends(one, other):
    assert fingerprint(*one) != fingerprint(*other)


@pytest.mark.parametrize("place", ["src", "site/src", "search"])
def test_the_packages_code_counts_wherever_it_lies(place, tmp_path, monkeypatch):
    packages = tmp_path / place
    model = packages / "notmiwae" / "model"
    model.mkdir(parents=True)
    monkeypatch.setattr(resume, "SOURCE", packages)
    found = []
    try:
        for code in ("a = 1\n", "a = 2\n", "a = 1\n"):
            (model / "not_miwae.py").write_text(code)
            resume.code_digest.cache_clear()
            found.append(fingerprint(1))
    finally:
        resume.code_digest.cache_clear()
    assert found[0] == found[2] != found[1]


def test_a_fingerprint_is_the_same_in_every_process(tmp_path):
    (tmp_path / "table").write_bytes(b"1,2")
    code = (
        "from pathlib import Path; from study.run.parallel import ComputeSpec;"
        "from study.run.resume import fingerprint;"
        "print(fingerprint(Path('table'), ComputeSpec(workers=3), 'a', 2))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "17"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == fingerprint(tmp_path / "table", ComputeSpec(workers=3), "a", 2)


# --- notes


@pytest.fixture(params=["file", "folder"])
def output(request, tmp_path, monkeypatch):
    """An output that is there, with its note."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("000.parquet" if request.param == "file" else "00")
    if request.param == "file":
        path.write_text("whole")
    else:
        path.mkdir()
        (path / "weights").write_text("whole")
    note(path, "abc")
    return path


def test_an_output_is_current_with_its_own_fingerprint_alone(output):
    assert is_current(output, "abc")
    assert not is_current(output, "abd")
    assert not is_current(output, "")


def test_an_output_that_is_gone_is_not_current_whatever_its_note_says(output):
    shutil.rmtree(output) if output.is_dir() else output.unlink()
    assert not is_current(output, "abc")


def test_a_note_is_no_part_of_what_a_stage_makes(output):
    """So that the bytes of an output are the result's alone."""
    assert note_path(output, "abc").is_file()
    assert {path.name for path in output.parent.iterdir()} == {output.name, "build"}


def test_an_output_without_a_note_is_not_current(output):
    note_path(output, "abc").unlink()
    assert not is_current(output, "abc")


def test_an_output_that_was_altered_is_not_current(output):
    (output / "weights" if output.is_dir() else output).write_text("whole?")
    assert not is_current(output, "abc")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"ab"),
        lambda path: path.write_bytes(b"abc\nabc"),
        lambda path: path.write_bytes(b"\xff\xfeabc"),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to("nowhere")),
    ],
    ids=["empty", "cut", "twice", "bytes", "folder", "link to nowhere"],
)
def test_a_damaged_note_means_that_the_output_is_made_again(output, damage):
    damage(note_path(output, "abc"))
    assert is_current(output, "abc") is False


def test_what_has_the_same_bytes_whatever_it_was_made_from_is_current_with_both(output):
    note(output, "def")
    assert is_current(output, "def")
    assert is_current(output, "abc")
