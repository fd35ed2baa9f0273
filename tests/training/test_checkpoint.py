"""A training that is cut off goes on from its checkpoint, and ends in the bits of one that never stopped."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.test_batched import COLUMNS, HIGH, UNKNOWN, network, spec, table

from notmiwae.model.missing_process.missing_process import processes
from notmiwae.training.checkpoint import Checkpoint
from notmiwae.training.fit import Fit, fit_together
from notmiwae.training.optimiser import Optimiser

ASCEND = Optimiser.ascend
IGNORABLE = processes.parse({"kind": "ignorable"})
STEPS = 20
SETUPS = {
    "one model": (HIGH, 1, {}),
    "two trainers of two models": (HIGH, 4, {"together": 2}),
    "no missing process": (IGNORABLE, 2, {}),
    "a race of directions": (UNKNOWN, 3, {"race": 0.5}),
    "a race of restarts": (HIGH, 2, {"restarts": 3, "race": 0.45}),
    "patience": (HIGH, 3, {"patience": 2, "slack": 0.0}),
    "a warm start": (HIGH, 2, {"warm_start": 5}),
    "one measurement at the end": (HIGH, 1, {"check_every": STEPS}),
}


class CutError(BaseException):
    """What ends a training here, as a signal would."""


def train(setup: str, folder: Path | None, cut: int | None = None, monkeypatch=None) -> list[Fit]:
    """Train; `cut`: until so many checkpoints are written."""
    process, count, changes = SETUPS[setup]
    training = spec(**{"steps": STEPS, "check_every": 4, "validation_samples": 5} | changes)
    if cut is not None:
        write, written = Checkpoint.write, []

        def counted(self: Checkpoint, *state: object) -> None:
            write(self, *state)
            written.append(self)
            if len(written) == cut:
                raise CutError

        monkeypatch.setattr(Checkpoint, "write", counted)
    tables = [table(seed) for seed in range(count)]
    return fit_together(tables, COLUMNS, network(), process, training, range(count), checkpoints=folder)


def bits(fits: list[Fit]) -> list[object]:
    return [
        (
            {name: values.numpy().tobytes() for name, values in each.fitted.model.state_dict().items()},
            each.validation_bound,
            each.curve,
            each.fitted.process,
        )
        for each in fits
    ]


@pytest.mark.parametrize("setup", SETUPS)
def test_a_training_that_is_cut_off_twice_ends_in_the_same_bits(
    setup: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, all_steps = counted(setup, None)
    expected = bits(fits)
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))  # after each step
    draw = np.random.default_rng(len(setup))
    for number in range(3):
        folder = tmp_path / str(number)
        for cut in draw.integers(1, 10, size=2).tolist():
            with monkeypatch.context() as patched, pytest.raises(CutError):
                train(setup, folder, cut, patched)
        assert list(folder.rglob("*.safetensors"))
        again, steps = counted(setup, folder)
        assert bits(again) == expected
        assert steps < all_steps, "it began anew"


def counted(setup: str, folder: Path | None) -> tuple[list[Fit], int]:
    """Train to the end; what came of it, and how many steps it took."""
    steps = 0

    def ascend(self: Optimiser, elbos: torch.Tensor, step: int) -> None:
        nonlocal steps
        steps += 1
        ASCEND(self, elbos, step)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Optimiser, "ascend", ascend)
        return train(setup, folder), steps


@pytest.mark.parametrize("damage", ["empty", "truncated", "other"])
def test_a_damaged_checkpoint_is_as_none(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = bits(train("one model", None))
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))
    with monkeypatch.context() as patched, pytest.raises(CutError):
        train("one model", tmp_path, 5, patched)
    (path,) = tmp_path.rglob("*.safetensors")
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "truncated": content[:-20], "other": b"\x00" * 64}[damage])
    assert bits(train("one model", tmp_path)) == expected


def test_nothing_is_written_unless_a_folder_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))
    train("one model", None)
    assert not list(tmp_path.iterdir())
