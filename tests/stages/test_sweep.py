"""The real stage `sweep` on a small search: the same files whoever runs it, however often it's killed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from running import STAGES, run

from notmiwae.errors import ParameterError
from study.search.promote import read_best

sys.path.insert(0, str(Path(__file__).parents[1] / "search"))
from small_sweep import TRIALS, tiny, write

FIGURES = {"correlation", "importance", "parallel", "slices", "history", "bound_and_rmse"}


def reports(folder: Path) -> dict[str, bytes]:
    found = [path for path in (folder / "reports").rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the stage has run once; not to be changed."""
    folder = write(tmp_path_factory.mktemp("finished"), tiny())
    run(folder, "sweep")
    return folder


def tables(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in reports(folder).items() if not name.endswith(".png")}


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures, which take longer than the small search, are left out."""
    monkeypatch.setattr("study.search.search_figures.figures", lambda *_: {})


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(STAGES), "sweep"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_it_writes_a_row_for_each_trial_the_best_one_and_the_figures(finished: Path) -> None:
    made = reports(finished)
    pictures = {f"reports/figures/{name}.png" for name in FIGURES}
    assert set(made) == pictures | {f"reports/{name}" for name in ("trials.csv", "summary.json", "best.md")}
    rows = pd.read_csv(finished / "reports/trials.csv")
    assert list(rows.columns[:6]) == ["trial", "state", "bound", "rmse", "crps", "steps"]
    assert list(rows.columns[6:]) == list(tiny()["sweep"]["space"])
    assert rows["trial"].tolist() == list(range(TRIALS))
    best = read_best(finished / "reports/summary.json")
    complete = rows[rows["state"] == "complete"].set_index("trial")
    assert best.bound == pytest.approx(complete["bound"].max(), rel=1e-5)
    assert best.trial == complete["bound"].idxmax()
    assert sum(json.loads(made["reports/summary.json"])["trials"].values()) == TRIALS
    table = made["reports/best.md"].decode()
    assert "0 (default)" in table
    assert table.splitlines()[2].startswith(f"| 1 | {best.trial}")


def test_the_first_trial_is_what_stands_in_params(finished: Path) -> None:
    first = pd.read_csv(finished / "reports/trials.csv").iloc[0]
    training = tiny()["recipes"]["gaussian"]["training"]
    for name in ("learning_rate", "missing_process_learning_rate", "batch_size", "samples"):
        assert first[name] == training[name]
    assert (first["hidden_units"], first["latent_size"], first["missing_process"]) == (64, 1, "known")
    found = json.loads((finished / "reports/summary.json").read_text())
    assert found["default"]["bound"] == pytest.approx(first["bound"], rel=1e-5)


def test_a_second_run_trains_nothing_and_writes_the_same(
    finished: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["cp", "-r", f"{finished}/.", tmp_path], check=True)
    before = (tmp_path / "data/trials.journal").read_bytes()
    run(tmp_path, "sweep")
    assert "job(s)" not in capfd.readouterr().err
    assert (tmp_path / "data/trials.journal").read_bytes().startswith(before)
    assert reports(tmp_path) == reports(finished)


@pytest.mark.usefixtures("undrawn")
def test_two_workers_find_what_one_finds(finished: Path, tmp_path: Path) -> None:
    write(tmp_path, tiny() | {"compute": {"workers": 2}})
    run(tmp_path, "sweep")
    assert tables(tmp_path) == tables(finished)


@pytest.mark.usefixtures("undrawn")
def test_a_search_killed_half_way_goes_on_to_the_same_end(finished: Path, tmp_path: Path) -> None:
    write(tmp_path, tiny())
    journal = tmp_path / "data/trials.journal"
    told = '"user_attr":{"state"'
    process = start(tmp_path)
    until = time.monotonic() + 60
    # In the second batch, of which a part is written down.
    while not journal.is_file() or journal.read_text().count(told) < 4:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 4 <= journal.read_text().count(told) < TRIALS
    assert not (tmp_path / "reports").exists()
    # The last words of a killed process may be cut off.
    with journal.open("a") as file:
        file.write('{"op_code":6,"wor')
    run(tmp_path, "sweep")
    assert tables(tmp_path) == tables(finished)


@pytest.mark.usefixtures("undrawn")
def test_more_trials_go_on_from_those_there_are(finished: Path, tmp_path: Path) -> None:
    write(tmp_path, tiny(trials=4))
    run(tmp_path, "sweep")
    write(tmp_path, tiny())
    run(tmp_path, "sweep")
    assert tables(tmp_path) == tables(finished)


IGNORABLE = {"known": tiny()["models"]["notmiwae"]["gaussian"]["missing_process"], "m": {"kind": "ignorable"}}
SPACE = tiny()["sweep"]["space"]
CASES = {
    "MIWAE's bound": (
        {"missing_process": {"kind": "choice", "at": ["model.missing_process"], "options": IGNORABLE}},
        "'ignorable' lacks p(s|x)",
    ),
    "a default outside": (
        {"latent_size": {"kind": "whole", "at": ["network.latent_size"], "low": 2, "high": 4}},
        "sweep.space.latent_size: the recipe's own is to be the first trial: 1 isn't from 2 to 4",
    ),
    "a place that isn't there": (
        {"latent_size": {"kind": "whole", "at": ["network.latent"], "low": 1, "high": 4}},
        "no key 'latent'",
    ),
    "a place of no part": (
        {"latent_size": {"kind": "whole", "at": ["latent_size"], "low": 1, "high": 4}},
        "sweep.space.latent_size",
    ),
    "an empty range": (
        {"samples": {"kind": "whole", "at": ["model.training.samples"], "low": 30, "high": 20}},
        "low (30) must be less than high (20)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_space_that_makes_no_sense_is_one_line(case: str, tmp_path: Path) -> None:
    space, said = CASES[case]
    write(tmp_path, tiny(space=SPACE | space))
    with pytest.raises(ParameterError) as error:
        run(tmp_path, "sweep")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
