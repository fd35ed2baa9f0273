"""Whatever is killed, at whatever moment: one more `dvc repro` gives the bytes of an undisturbed run.

DVC writes two files in place. Killed in those milliseconds it leaves one of them cut, and names it next time.
"""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from projects import TARGET, TOOLS, dvc, made

MOMENTS = 21
"""How many runs are killed, each kind of death as often."""
MARK = "NOTMIWAE_TEST_RUN"
"""Variable by which a run's processes are told from others."""

OWN_FILES = {"dvc.lock": "'./dvc.lock'", ".dvc/tmp/rwlock": "'.dvc/tmp/rwlock'. JSON structure is corrupted"}
"""Files that DVC writes in place, and how it names each where it's cut."""


def start(folder: Path) -> subprocess.Popen[bytes]:
    """A run as a terminal starts it: a process group of its own."""
    found = TOOLS | {"PYTHONPATH": str(folder / "src"), MARK: str(folder)}
    command = [sys.executable, "-m", "dvc", "repro", TARGET]
    with (folder.parent / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env=found, stdout=log, stderr=log, process_group=0)


def alive(folder: Path) -> list[psutil.Process]:
    """The processes of the run in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def command(process: psutil.Process) -> list[str]:
    """Its command line; nothing of one that has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def kill_all(folder: Path) -> None:
    """`kill -9` of whatever is left."""
    for process in alive(folder):
        with suppress(psutil.Error):
            process.kill()


def wait_for_all(folder: Path) -> None:
    """Wait until none of them is left."""
    until = time.monotonic() + 20
    while left := alive(folder):
        assert time.monotonic() < until, f"left behind: {[command(process) for process in left]}"
        time.sleep(0.05)


def wait_for(word: str, count: int, folder: Path) -> None:
    """Wait until so many of them have the word in their command line."""
    until = time.monotonic() + 60
    while sum(word in command(process) for process in alive(folder)) < count:
        assert time.monotonic() < until
        time.sleep(0.05)


def kill_dvc(run: subprocess.Popen[bytes], folder: Path, _: random.Random) -> None:
    """`kill -9` of dvc alone."""
    run.send_signal(signal.SIGKILL)


def kill_child(run: subprocess.Popen[bytes], folder: Path, draw: random.Random) -> None:
    """`kill -9` of a process that dvc started, or of one of that's own; of dvc where there is none."""
    children = [process for process in alive(folder) if process.pid != run.pid]
    victim = draw.choice(children).pid if children else run.pid
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(victim, signal.SIGKILL)


def cut_power(run: subprocess.Popen[bytes], folder: Path, draw: random.Random) -> None:
    """All processes at once, and an output that hasn't reached the disk whole."""
    os.killpg(run.pid, signal.SIGKILL)
    kill_all(folder)
    run.wait()
    outputs = [folder / top for top in ("data/masked", "data/imputed", "models")]
    if files := sorted(path for top in outputs for path in top.rglob("*") if path.is_file()):
        cut = draw.choice(files)
        cut.chmod(0o644)
        os.truncate(cut, draw.randrange(cut.stat().st_size + 1))


def repro(folder: Path) -> subprocess.CompletedProcess[str]:
    """`dvc repro`; where DVC can't read a file of its own, once more without it (docs/guarantees.md)."""
    done = dvc(folder, "repro", TARGET, check=False)
    # A cut `dvc.lock` isn't in git here, where else `git checkout dvc.lock` does.
    for file, named in OWN_FILES.items():
        if done.returncode and named in done.stderr:
            (folder / file).unlink()
            done = dvc(folder, "repro", TARGET, check=False)
    return done


@pytest.mark.parametrize("number", range(MOMENTS))
def test_a_run_that_was_killed_is_finished_by_the_next(
    number: int, begun: Path, undisturbed: tuple[Path, float]
) -> None:
    finished, seconds = undisturbed
    draw = random.Random(number)
    strike = (kill_dvc, kill_child, cut_power)[number % 3]
    run = start(begun)
    try:
        # Evenly over the run, and somewhere in each part.
        time.sleep(seconds * (number + draw.random()) / MOMENTS)
        strike(run, begun, draw)
        run.wait(timeout=180)
        wait_for_all(begun)
    finally:
        kill_all(begun)
    again = repro(begun)
    assert again.returncode == 0, again.stderr
    assert made(begun) == made(finished)


@pytest.mark.parametrize("file", OWN_FILES)
def test_a_file_of_dvcs_own_that_was_cut_is_named(file: str, begun: Path, finished: Path) -> None:
    dvc(begun, "repro", TARGET)
    text = (begun / file).read_text()
    for left in ("", text[: max(text.rfind(":"), 1)]):  # nothing, or as far as a key that lacks its value
        (begun / file).write_text(left)
        assert OWN_FILES[file] in dvc(begun, "repro", TARGET, check=False).stderr
        again = repro(begun)
        assert again.returncode == 0, again.stderr
        assert made(begun) == made(finished)


def test_a_lock_that_was_cut_where_it_still_reads_is_completed(begun: Path, finished: Path) -> None:
    dvc(begun, "repro", TARGET)
    lock = begun / "dvc.lock"
    whole = lock.read_text()
    lock.write_text(whole.rpartition("    outs:")[0])
    dvc(begun, "repro", TARGET)
    assert lock.read_text() == whole
    assert made(begun) == made(finished)


def test_ctrl_c_stops_all_and_says_so(begun: Path, finished: Path, tmp_path: Path) -> None:
    dials = begun / "params.yaml"
    before = dials.read_text()
    assert before.count("steps: 300\n") == 1
    dials.write_text(before.replace("steps: 300\n", "steps: 100000\n"))  # long enough on any machine
    run = start(begun)
    try:
        # The stage and its two workers: the imports are over, in which Python may lose an interrupt.
        wait_for("train", 3, begun)
        for _ in range(10):
            time.sleep(0.5)
            # In a finaliser it may lose one too: people press the keys again.
            os.killpg(run.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                run.wait(timeout=6)
                break
        assert run.poll() not in (None, 0)
        wait_for_all(begun)
    finally:
        kill_all(begun)
    said = (tmp_path / "log").read_text()
    assert "interrupted: train --dataset gaussian --model notmiwae; nothing half-written" in said
    assert "Traceback" not in said
    dials.write_text(before)
    assert dvc(begun, "repro", TARGET, check=False).returncode == 0
    assert made(begun) == made(finished)


def test_two_runs_at_once_do_not_mix(begun: Path, finished: Path) -> None:
    first = start(begun)
    wait_for("mask", 1, begun)
    second = dvc(begun, "repro", TARGET, check=False)
    assert first.wait(timeout=120) == 0
    if second.returncode:
        # It names what stands in its way, and changed nothing.
        assert "lock" in second.stderr
    assert dvc(begun, "repro", TARGET, check=False).returncode == 0
    assert made(begun) == made(finished)
