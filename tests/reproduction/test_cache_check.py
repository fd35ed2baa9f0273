"""What the cache holds is compared with its names, and traced back to the files that it's the content of."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from study.reproduction.cache_check import damaged, main, name, objects_of, owners
from study.reproduction.checkout import Checkout


def put(folder: Path, content: bytes, end: str = "") -> Path:
    """An object as DVC puts it into a cache."""
    digest = hashlib.md5(content).hexdigest() + end
    path = folder / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A cache with a file, and a folder of two."""
    folder = tmp_path / "cache/files/md5"
    members = {f"{number}.csv": put(folder, f"row {number}\n".encode()) for number in range(2)}
    listed = [{"md5": name(path), "relpath": relative} for relative, path in members.items()]
    table, whole = put(folder, json.dumps(listed).encode(), ".dir"), put(folder, b"model")
    outs = [{"path": "data/tables", "md5": name(table)}, {"path": "models/m", "md5": name(whole)}]
    lock = tmp_path / "deep/dvc.lock"
    lock.parent.mkdir()
    lock.write_text(yaml.safe_dump({"schema": "2.0", "stages": {"make": {"outs": outs}}}))
    return folder


def rot(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    path.chmod(0o444)


def object_of(store: Path, content: bytes) -> Path:
    return next(path for path in store.glob("??/*") if path.read_bytes() == content)


def test_a_sound_cache_has_no_damage(store: Path) -> None:
    assert list(damaged(objects_of(store))) == []


@pytest.mark.parametrize("content", [b"row 1\n", b"model"])
def test_a_byte_that_changed_is_found(store: Path, content: bytes) -> None:
    victim = object_of(store, content)
    rot(victim)
    assert list(damaged(objects_of(store))) == [victim]


def test_the_list_of_a_folder_is_read_too(store: Path) -> None:
    (victim,) = store.glob("??/*.dir")
    rot(victim)
    assert list(damaged(objects_of(store))) == [victim]


def test_what_is_no_object_is_passed_over(store: Path) -> None:
    (store / "aa").mkdir(exist_ok=True)
    (store / "aa/something.tmp").write_text("being written")
    assert list(damaged(objects_of(store))) == []


def test_an_object_knows_its_files_through_folders(store: Path, tmp_path: Path) -> None:
    found = owners(tmp_path, store)
    assert found[name(object_of(store, b"row 1\n"))] == ["data/tables/1.csv"]
    assert found[name(object_of(store, b"model"))] == ["models/m"]


def test_a_damaged_list_has_no_members(store: Path, tmp_path: Path) -> None:
    (victim,) = store.glob("??/*.dir")
    rot(victim)
    assert owners(tmp_path, store) == {
        name(victim): ["data/tables"],
        name(object_of(store, b"model")): ["models/m"],
    }


@pytest.mark.parametrize("remove", [False, True])
def test_the_command_names_the_files_and_removes_only_if_asked(
    store: Path,
    tmp_path: Path,
    remove: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Checkout, "read", lambda *_: f"{tmp_path}/cache\n")
    assert main([]) == 0
    victim = object_of(store, b"row 0\n")
    rot(victim)
    assert main(["--remove"] if remove else []) == 1
    assert f"{name(victim)}: data/tables/0.csv" in capsys.readouterr().err
    assert victim.exists() != remove
    assert main([]) == (0 if remove else 1)
