"""Whatever bytes a folder of a saved model or imputer holds: it's loaded, or refused in one line."""

import copy
import json
import os
import resource
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from fuzzed_inputs import JUNK, fuzzed, spliced
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors import torch as safetensors

from notmiwae import MIWAEImputer, NotMIWAEImputer
from notmiwae.cli import saved_imputer as saved
from notmiwae.errors import DataError
from notmiwae.model.missing_process.by_column import build_process
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.scaling import Scaling

Files = dict[str, bytes]
Load = Callable[[Path], object]
_ROOM = 3 * 2**30
"""Bytes that a loader may take beyond what is held; with little address space left nothing is loaded."""
_LARGEST = 10**7
"""Bytes of JSON that one value is repeated up to."""


@contextmanager
def little_memory() -> Iterator[None]:
    """In the block, a loader that asks for much more than a file holds fails the test."""
    held = Path("/proc/self/statm")
    if not held.exists():  # not Linux, which alone keeps to the limit
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    allowed = int(held.read_text().split()[0]) * resource.getpagesize() + _ROOM
    resource.setrlimit(resource.RLIMIT_AS, (allowed, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


# --- good folders to start from

MIXED = {
    "kind": "mixed",
    "parts": [
        {"columns": [0, 2], "observation": {"kind": "student_t"}},
        {"columns": [1], "observation": {"kind": "categorical", "categories": [3]}},
        {"columns": [3], "observation": {"kind": "bernoulli"}},
    ],
}
BY_COLUMN = {
    "kind": "by_column",
    "default": {"kind": "two_sided"},
    "columns": {"b": {"kind": "mcar"}, "c": {"kind": "self_masking", "link": "logistic"}},
}
IMAGE = {"height": 2, "width": 2, "patch": 2, "channels": [2, 2]}
SMALL = {"kind": "mlp", "hidden": [3]}
NETWORKS = {
    "gaussian": ({"latent_size": 2, "encoder": SMALL, "decoder": SMALL}, {"kind": "interval"}),
    "mixed": ({"latent_size": None, "encoder": SMALL, "decoder": SMALL, "observation": MIXED}, BY_COLUMN),
    "images": (
        {
            "latent_size": 1,
            "encoder": {"kind": "patch_encoder", **IMAGE},
            "decoder": {"kind": "patch_decoder", **IMAGE},
        },
        {"kind": "agnostic_nonlinear", "hidden": [2]},
    ),
    "codes": (
        {
            "latent_size": 1,
            "encoder": {"kind": "linear"},
            "decoder": {**SMALL, "skip": True},
            "observation": {"kind": "categorical", "categories": 2},
        },
        {"kind": "ignorable"},
    ),
}
COLUMNS = ("a", "b", "c", "d é")


def fitted(network: dict, process: dict) -> FittedModel:
    """A model as `fit` returns it, but for the training."""
    spec, of_process = ModelSpec.model_validate(network), processes.parse(process)
    x = torch.tensor([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 2.0, 0.0]])
    built = build_process(of_process, spec.observation, torch.tensor([1, 2]), x, torch.ones_like(x), COLUMNS)
    scaling = Scaling(np.zeros(4), np.ones(4))
    return FittedModel(NotMIWAE(spec, 4, built).eval(), of_process, COLUMNS, scaling)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": [1.0, np.nan, 2.5, 0.0] * 3,
            "n": pd.array([3, None, 1, 4] * 3, dtype="Int64"),
            "t": [True, False, False, True] * 3,
            "g": ["u", None, "v", "w"] * 3,
        }
    )


def held(save: Callable[[Path], None]) -> Files:
    """The files that are written, by their paths in the folder."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "folder"
        folder.mkdir()
        save(folder)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def imputer() -> MIWAEImputer:
    few = {"steps": 1, "members": 2, "n_samples": 2, "hidden": (2,), "random_state": 0}
    process = {"x": "high", "g": "mcar"}
    return NotMIWAEImputer(process, limits={"x": (0, 9)}, **few).fit(table())


MODELS: dict[str, Files] = {name: held(fitted(*each).save) for name, each in NETWORKS.items()}
WHOLE: list[tuple[Load, Files]] = [
    *((FittedModel.load, files) for files in MODELS.values()),
    (saved.load, held(imputer().save)),
]


# --- how they are damaged

PIECES = [
    *'{}[]",:\0', "null", "NaN", "-Infinity", "1e999", "9" * 5000, "\ufeff", "\\ud800", "[" * 100_000,
    '{"a":' * 30_000, "1" * 30, "-1", "true", '"F64"', '"__metadata__"', "../../x", "\u2028",
]  # fmt: skip
FIGURES = st.sampled_from([0, -1, 1, 2, 3, 5, 2**31, 2**62, 2**63, 2**64, 10**12, 10**30, 1e300, -0.5, 1e999])
NAMES = st.sampled_from(
    [
        *("kind", "columns", "hidden", "parts", "shape", "__metadata__", "../../etc/passwd", "/dev/zero"),
        *("a", "\0", "\n", "\ud800", "x" * 3000),
    ]
)
KINDS = st.sampled_from(
    [
        *processes.names(),
        *("mlp", "linear", "patch_encoder", "gaussian", "student_t", "bernoulli", "mixed", "categorical"),
        *("continuous", "count", "F64", "F16", "BF16", "I64", "BOOL", "C64", "F8_E4M3", "F4"),
    ]
)
VALUES = JUNK.filter(lambda value: "date" not in repr(value)) | FIGURES | NAMES | KINDS


def deep(inner: Any, levels: int) -> Any:
    for _ in range(levels):
        inner = {"kind": "by_column", "default": inner, "columns": {}}
    return inner


def repeated(value: Any, times: int) -> list[Any]:
    """A list of it so many times, or fewer: written out, one of 20,000 lists of 20,000 fills the memory."""
    size = len(json.dumps(value, default=str))
    return [value] * max(1, min(times, _LARGEST // size))


def alter(draw: st.DrawFn, whole: Any) -> Any:
    """Plain data with some values replaced, removed, doubled, exchanged or added, at any depth."""
    whole = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        inner = whole
        while isinstance(inner, dict | list) and inner:
            keys = list(inner) if isinstance(inner, dict) else range(len(inner))
            key = draw(st.sampled_from(keys))
            if isinstance(inner[key], dict | list) and inner[key] and draw(st.integers(0, 3)):
                inner = inner[key]
                continue
            how = draw(st.integers(0, 7))
            if how < 4:
                inner[key] = draw(VALUES)
            elif how == 4:
                del inner[key]
            elif how == 5:
                inner[key] = inner[draw(st.sampled_from(keys))]
            elif how == 6:
                inner[key] = repeated(inner[key], draw(st.sampled_from([1, 2, 200, 20_000])))
            elif isinstance(inner, dict):
                inner[draw(NAMES | st.text(max_size=6))] = draw(VALUES)
            else:
                inner.append(draw(VALUES))
            break
    return whole


def altered_json(draw: st.DrawFn, content: bytes) -> bytes:
    # With its default `json` writes NaN, and halves of characters as escapes.
    return json.dumps(alter(draw, json.loads(content)), default=str).encode()


def altered_header(draw: st.DrawFn, content: bytes) -> bytes:
    """Safetensors with another header, of a length that may be right."""
    (size,) = struct.unpack("<Q", content[:8])
    header = altered_json(draw, content[8 : 8 + size])
    header += b" " * (-len(header) % 8)
    length = len(header) if draw(st.integers(0, 4)) else draw(st.integers(0, 2**64 - 1))
    return struct.pack("<Q", length) + header + content[8 + size :]


def altered_tensors(draw: st.DrawFn, content: bytes) -> bytes:
    """A good file of other tensors."""
    tensors = safetensors.load(content)
    for _ in range(draw(st.integers(1, 2))):
        names = sorted(name for name, values in tensors.items() if values.dtype == torch.float32)
        if not names:
            break
        name = draw(st.sampled_from(names))
        values = tensors.pop(name)
        how = draw(st.integers(0, 6))
        if how == 0:
            dtypes = [torch.float64, torch.float16, torch.int64, torch.bool, torch.complex64]
            tensors[name] = values.to(draw(st.sampled_from(dtypes)))
        elif how == 1:
            fill = draw(st.sampled_from([np.nan, np.inf, -np.inf, 3e38, 0.0]))
            tensors[name] = torch.full_like(values, fill)
        elif how == 2:
            tensors[name] = values[None].contiguous()
        elif how == 3:
            tensors[name] = values.flatten()[draw(st.integers(0, 3)) :].clone()
        elif how == 4:
            tensors[draw(NAMES.filter(lambda name: name.isprintable()))] = values
        elif how == 5:
            tensors |= {name: values, "one more": torch.zeros(draw(st.integers(0, 5)), 2)}
    return safetensors.save(tensors)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Load, Files]:
    """A folder of which one file or two aren't as they were."""
    load, files = draw(st.sampled_from(WHOLE))
    files = dict(files)
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        name = draw(st.sampled_from(sorted(files)))
        how = draw(st.integers(0, 9))
        if how == 0:
            files[name] = draw(st.binary(max_size=40) | st.sampled_from([*files.values()]))
        elif how < 4:
            files[name] = draw(spliced([files[name]], [piece.encode() for piece in PIECES] + [b"\xff" * 8]))
        elif name.endswith(".json"):
            try:
                files[name] = altered_json(draw, files[name])
            except (ValueError, RecursionError):
                # It's damaged already.
                break
        elif name.endswith("weights.safetensors"):
            change = altered_header if how < 7 else altered_tensors
            try:
                files[name] = change(draw, files[name])
            except (ValueError, RecursionError, struct.error, OverflowError, SafetensorError):
                break
    return load, files


def write(folder: Path, files: Files) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def checked(load: Load, folder: Path) -> object:
    """What is loaded, None if it's refused: in one line, not an endless one, that names the folder."""
    try:
        with little_memory():
            return load(folder)
    except DataError as error:
        said = str(error)
    assert said.startswith(str(folder))
    assert "\n" not in said
    assert len(said) < 1500
    return None


@fuzzed
@given(damaged())
def test_a_folder_of_a_model(tmp_path: Path, found: tuple[Load, Files]) -> None:
    load, files = found
    write(tmp_path / "folder", files)
    model = checked(load, tmp_path / "folder")
    members = model.members_ if isinstance(model, MIWAEImputer) else [model] if model else []
    for member in members:
        assert all(values.isfinite().all() for values in member.model.state_dict().values())


# --- what chance won't find

WEIGHTS = "weights.safetensors"
MANY = 300_000
ABSURD: dict[str, Any] = {
    "layers": {"network": {"encoder": {"kind": "mlp", "hidden": [1] * MANY}}},
    "wide layers": {"network": {"decoder": {"kind": "mlp", "hidden": [10**7, 10**7]}}},
    "latents": {"network": {"latent_size": 10**9}},
    "codes": {"network": {"observation": {"kind": "categorical", "categories": 10**10}}},
    "codes of one column": {
        "network": {"observation": {"kind": "categorical", "categories": [2, 10**9, 2, 2]}}
    },
    "large images": {"network": {"decoder": {"kind": "patch_decoder", "height": 10**9, "width": 10**9}}},
    "channels": {"network": {"encoder": {"kind": "patch_encoder", **IMAGE, "channels": [10**6, 10**6]}}},
    "layers of a process": {"missing_process": {"kind": "agnostic_nonlinear", "hidden": [1] * MANY}},
    "wide process": {"missing_process": {"kind": "agnostic_nonlinear", "hidden": [10**9]}},
    "deep process": {"missing_process": deep({"kind": "mcar"}, 400)},
    "columns": {"columns": [0] * MANY, "mean": [0] * MANY, "scale": [1] * MANY},
    "columns of a process": {"process_columns": [0] * MANY},
    "one column twice": {"process_columns": [1, 1]},
    "a column before the first": {"process_columns": [-1, 1]},
    "a long name": {"network": {"k" * 10**7: 1}},
    "a long kind": {"missing_process": {"kind": "k" * 10**7}},
}


@pytest.mark.parametrize("name", ABSURD)
def test_a_description_that_asks_for_too_much(tmp_path: Path, name: str) -> None:
    files = MODELS["gaussian"]
    description = json.loads(files["model.json"])
    for key, entry in ABSURD[name].items():
        if isinstance(entry, dict) and key == "network":
            entry = description[key] | entry
        description[key] = entry
    write(tmp_path, files | {"model.json": json.dumps(description).encode()})
    assert checked(FittedModel.load, tmp_path) is None


PLACES: list[tuple[Load, str]] = [
    (FittedModel.load, "model.json"),
    (FittedModel.load, WEIGHTS),
    (saved.load, "imputer.json"),
    (saved.load, f"0001/{WEIGHTS}"),
]


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a folder", "a loop", "a link to nothing", "endless"])
@pytest.mark.parametrize(("load", "name"), PLACES)
def test_what_is_no_file(tmp_path: Path, load: Load, name: str, kind: str) -> None:
    folder = tmp_path / "folder"
    write(folder, MODELS["mixed"] if load == FittedModel.load else WHOLE[-1][1])
    path = folder / name
    path.unlink()
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "endless":
        with path.open("wb") as file:
            file.truncate(2**31)
    else:
        path.symlink_to({"a device": "/dev/zero", "a loop": path.name}.get(kind, tmp_path / "nothing"))
    assert checked(load, folder) is None


@pytest.mark.parametrize("name", ["model.json", WEIGHTS])
def test_a_link_to_a_file_is_read_as_dvc_makes_them(tmp_path: Path, name: str) -> None:
    write(tmp_path / "folder", MODELS["mixed"])
    (tmp_path / "folder" / name).rename(tmp_path / "elsewhere")
    (tmp_path / "folder" / name).symlink_to(tmp_path / "elsewhere")
    assert FittedModel.load(tmp_path / "folder").columns == COLUMNS


def test_a_member_whose_name_has_two_lines(tmp_path: Path) -> None:
    write(tmp_path / "folder", WHOLE[-1][1] | {"00\n02/x": b""})
    for load in (FittedModel.load_members, saved.load):
        assert checked(load, tmp_path / "folder") is None


def test_what_is_repeated_again_and_again_stays_small() -> None:
    value: Any = "x"
    for _ in range(3):
        value = repeated(value, 20_000)
    assert 10**6 < len(json.dumps(value)) < 3 * _LARGEST


def test_a_loader_that_takes_too_much_is_caught(tmp_path: Path) -> None:
    """The limit holds where a folder is loaded, and nowhere else."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError):
        checked(lambda folder: np.empty(2 * _ROOM, np.uint8), tmp_path)
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_the_tests_tell_good_from_bad(tmp_path: Path) -> None:
    """What they start from is loaded."""
    for load, files in WHOLE:
        write(tmp_path / "folder", files)
        assert checked(load, tmp_path / "folder") is not None
