"""Trials on a server that several machines share, here Redis on this one; and what a storage must not do."""

import os
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_sweep import TRIALS, found_alone, tiny, write

import programs
from notmiwae.errors import ParameterError
from study.run.pipeline import compute
from study.search.search_results import table
from study.search.sweep_spec import read_sweep
from study.search.trial_batches import Trials, run_sweep
from study.search.trial_storage import VARIABLE, open_storage, storage_url

PASSWORD = "open-sesame"
ON_A_SERVER = pytest.mark.needs("redis-server")
SCRIPT = """
import sys
from study.run.pipeline import compute
from study.search import trial_batches
from study.search.search_results import table
from study.search.trial_storage import open_storage, storage_url
from study.search.sweep_spec import read_sweep

run = trial_batches.run_trial
def counted(*arguments):
    print("ran one", flush=True)
    return run(*arguments)
trial_batches.run_trial = counted

sweep = read_sweep()
storage = open_storage(storage_url(sweep.storage), None, sweep.name())
table(sweep, trial_batches.run_sweep(sweep, storage, True, compute())).to_csv(sys.argv[1], index=False)
"""


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """The URL of a Redis server that the test started."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path_factory.mktemp("redis")]
    command = [programs.path_of("redis-server"), *map(str, options), "--requirepass", PASSWORD]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
    yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process finds on a file."""
    return table(*found_alone(tmp_path_factory.mktemp("alone")))


@ON_A_SERVER
def test_two_processes_share_a_search_and_find_what_one_finds_alone(redis, alone, tmp_path):
    write(tmp_path, tiny(patience=120))
    environment = {**os.environ, VARIABLE: redis}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, f"{name}.csv"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    ran = [process.communicate(timeout=100)[0].count("ran one") for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    # Each trial by one of them, and some by each.
    assert sum(ran) == TRIALS
    assert min(ran) > 0
    alone.to_csv(tmp_path / "alone.csv", index=False)
    found = [(tmp_path / f"{name}.csv").read_bytes() for name in ("one", "two", "alone")]
    assert found[0] == found[1] == found[2]


@ON_A_SERVER
def test_the_trial_of_a_machine_that_is_gone_is_run_by_another(redis, alone, tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, tiny(patience=1, replicates=1)))
    sweep = read_sweep()
    gone = Trials(open_storage(redis, Path(), sweep.name()), sweep.name(), TRIALS, 0)
    assert gone.claim(1)
    assert not gone.claim(1)
    found = run_sweep(sweep, open_storage(redis, Path(), sweep.name()), True, compute())
    assert all(trial.state.is_finished() for trial in found)
    assert [trial.number for trial in found] == list(range(TRIALS))


def test_a_database_keeps_what_a_file_keeps(alone, tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, tiny()))
    sweep = read_sweep()
    storage = open_storage(f"sqlite:///{tmp_path}/trials.db", Path(), sweep.name())
    assert table(sweep, run_sweep(sweep, storage, True, compute())).equals(alone)


@ON_A_SERVER
def test_nothing_in_redis_is_unpickled(redis, tmp_path):
    from redis import Redis

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    Redis.from_url(redis).set("notmiwae:bomb:snapshot", pickle.dumps(Bomb()))
    open_storage(redis, Path(), "bomb")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:secret@127.0.0.1:1/0", "redis://127.0.0.1"),
        ("nosuchbase://user:secret@127.0.0.1/x", "nosuchbase://127.0.0.1"),
        ("nothing", "sweep: storage"),
    ],
)
def test_where_nobody_answers_one_line_says_so_without_the_password(url, said):
    with pytest.raises(ParameterError) as error:
        open_storage(url, Path(), "x")
    assert said in str(error.value)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_the_environments_storage_comes_first(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert storage_url(None) is None
    assert storage_url("redis://a") == "redis://a"
    monkeypatch.setenv(VARIABLE, "redis://b")
    assert storage_url("redis://a") == "redis://b"
