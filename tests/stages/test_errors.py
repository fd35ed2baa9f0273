"""Bad input: one line with file, key, value and what is accepted; exit status 1; nothing half-written."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def stage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(ROOT / "stages"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def changed(key: str, value: object) -> dict:
    """params.yaml with `key` set to `value`, or without it where `value` is Ellipsis."""
    params = copy.deepcopy(PARAMS)
    *path, last = key.split(".")
    section = params
    for part in path:
        section = section[part]
    if value is ...:
        del section[last]
    else:
        section[last] = value
    return params


THRESHOLD = {"kind": "threshold", "columns": ["x_1"], "cut": -99}
CASES = {
    "a typo in a key": (
        "datasets.gaussian.source.rovs",
        5,
        ["generate", "gaussian"],
        ["source.rovs", "unknown key"],
    ),
    "a typo in a section": ("modles", {}, ["generate", "gaussian"], ["'modles'", "did you mean 'models'"]),
    "a typo in a model's dial": (
        "recipes.gaussian.training.stepz",
        5,
        ["train", "gaussian", "notmiwae"],
        ["recipes.gaussian.training.stepz", "unknown key"],
    ),
    "a missing key": (
        "recipes.ring.training.steps",
        ...,
        ["train", "ring", "miwae"],
        ["training.steps", "required"],
    ),
    "a negative size": (
        "datasets.gaussian.source.rows",
        -5,
        ["generate", "gaussian"],
        ["datasets.gaussian.source.rows", "-5", "greater than 0"],
    ),
    "an unknown mechanism": (
        "datasets.gaussian.mechanism",
        {"kind": "treshold"},
        ["mask", "gaussian"],
        ["'treshold'", "did you mean 'threshold'"],
    ),
    "an unknown method": ("seed", 1, ["baseline", "gaussian", "knnn"], ["'knnn'", "did you mean 'knn'"]),
    "an unknown data set": ("seed", 1, ["generate", "gausian"], ["'gausian'", "did you mean 'gaussian'"]),
    "a seed that is none": ("seed", "x", ["generate", "gaussian"], ["seed", "'x'"]),
    "an altered data file": (
        "datasets.mnist.source.sha256",
        "0" * 64,
        ["generate", "mnist"],
        ["train-first-2000.npz", "altered"],
    ),
    "an absent data file": (
        "datasets.mnist.source.file",
        "data/nowhere.npz",
        ["generate", "mnist"],
        ["data/nowhere.npz"],
    ),
    "a stage run too early": ("seed", 1, ["mask", "ring"], ["data/complete/ring", "run the stage"]),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_line_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    key, value, arguments, said = CASES[case]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(changed(key, value)))
    (tmp_path / "data").symlink_to(ROOT / "data") if case == "an altered data file" else None
    before = files(tmp_path)
    done = stage(tmp_path, *arguments)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    for part in said:
        assert part in done.stderr
    assert files(tmp_path) == before


def test_a_mask_that_removes_a_whole_column_says_which(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(changed("datasets.gaussian.mechanism", THRESHOLD)))
    assert stage(tmp_path, "generate", "gaussian").returncode == 0
    done = stage(tmp_path, "mask", "gaussian")
    assert done.returncode == 1
    assert "removes all 500 values of column 'x_1'" in done.stderr
    assert not files(tmp_path / "data/masked")


def test_an_unknown_stage_lists_those_there_are(tmp_path: Path) -> None:
    done = stage(tmp_path, "trane")
    assert done.returncode == 2
    assert "'trane'" in done.stderr
    assert "train" in done.stderr


def test_no_params_file_says_where_to_run(tmp_path: Path) -> None:
    done = stage(tmp_path, "generate", "gaussian")
    assert done.returncode == 1
    assert "params.yaml: no such file" in done.stderr
