"""Files and folders are whole or absent."""

import json

import pytest

from notmiwae.files import whole_file, whole_folder, write_json


class BrokenError(Exception):
    """Stands for whatever may happen between the first byte and the last."""


EITHER_END = pytest.mark.parametrize("error", [BrokenError, KeyboardInterrupt, SystemExit])


def write_half(path, error):
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise error


def fill_half(path, error):
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("half")
        raise error


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_a_file_appears_when_it_is_whole_with_its_parents(tmp_path):
    path = tmp_path / "deep" / "er" / "file.txt"
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent, "a rename is atomic within a folder's file system alone"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["deep", "er", "file.txt"]


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["file.txt"]


@EITHER_END
@pytest.mark.parametrize("old", [None, "old"])
def test_an_error_leaves_the_old_file_and_no_temporary(tmp_path, old, error):
    path = tmp_path / "file.txt"
    if old:
        path.write_text(old)
    with pytest.raises(error):
        write_half(path, error)
    assert names(tmp_path) == (["file.txt"] if old else [])
    assert not old or path.read_text() == old


def test_a_folder_takes_the_place_of_the_old_one_and_of_all_in_it(tmp_path):
    path = tmp_path / "deep" / "folder"
    for generation in ("first", "second"):
        with whole_folder(path) as temporary:
            (temporary / "inner").mkdir()
            (temporary / "inner" / generation).write_text(generation)
            assert not (path / "inner" / generation).exists()
    assert names(tmp_path) == ["deep", "folder", "inner", "second"]


@EITHER_END
@pytest.mark.parametrize("old", [False, True])
def test_an_error_leaves_the_old_folder_and_no_temporary(tmp_path, old, error):
    path = tmp_path / "folder"
    if old:
        path.mkdir()
        (path / "old").write_text("old")
    with pytest.raises(error):
        fill_half(path, error)
    assert names(tmp_path) == (["folder", "old"] if old else [])


def test_a_killed_runs_temporary_folder_is_not_mixed_into_the_next(tmp_path):
    path = tmp_path / "folder"
    with whole_folder(path) as temporary:
        left_over = temporary
    left_over.mkdir()
    (left_over / "stale").write_text("stale")
    with whole_folder(path) as temporary:
        (temporary / "new").write_text("new")
    assert names(tmp_path) == ["folder", "new"]


def test_json_is_indented_and_ends_a_line(tmp_path):
    write_json(tmp_path / "a.json", {"b": [1, 2.5], "a": None})
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"b": [1, 2.5], "a": None}
    assert text.startswith('{\n  "b": [')
    assert text.endswith("}\n")


@pytest.mark.parametrize("content", [float("nan"), float("inf"), {1, 2}], ids=repr)
def test_what_json_cannot_hold_leaves_the_old_file(tmp_path, content):
    path = tmp_path / "a.json"
    write_json(path, 1)
    with pytest.raises((ValueError, TypeError)):
        write_json(path, {"value": content})
    assert path.read_text() == "1\n"
    assert names(tmp_path) == ["a.json"]


def test_a_folder_that_a_killed_run_left_is_swept_away(tmp_path):
    (tmp_path / ".made.12345.tmp").mkdir()
    (tmp_path / ".made.12345.tmp" / "half").write_text("half")
    with whole_folder(tmp_path / "made") as temporary:
        (temporary / "a").write_text("whole")
    assert names(tmp_path) == ["a", "made"]
