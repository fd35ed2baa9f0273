"""Jobs on a real Dask cluster, a scheduler and two workers on this machine, which must give local bytes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from distributed import Client

from notmiwae.errors import ParameterError
from notmiwae.specs import parse_spec
from study.run.cluster import run_on_cluster
from study.run.parallel import ComputeSpec, run_jobs
from study.run.process_env import PINS

ROOT = Path(__file__).parents[1]
PINNED = "study.run.worker"
Process = subprocess.Popen[bytes]
SCRIPT = """
import sys, time
from pathlib import Path
from notmiwae.errors import DataError
from study.run.parallel import ComputeSpec, run_jobs

def job(number, seconds, report):
    with Path(f"started-{number}").open("a") as file:
        file.write("x")
    time.sleep(seconds)
    if seconds < 0.01:
        raise DataError("row 3 is wrong")
    report(1, 1, 0.0)
    return number

compute = ComputeSpec(backend="dask", address=sys.argv[1])
jobs = [(number, float(sys.argv[3])) for number in range(int(sys.argv[2]))]
print(run_jobs(job, jobs, compute, "cluster"))
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def worker(address: str, folder: Path, command: str, *options: str) -> Process:
    environment = {name: value for name, value in os.environ.items() if name not in PINS}
    return subprocess.Popen(
        [sys.executable, "-m", command, address, "--local-directory", str(folder), *options],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def started_scheduler() -> Iterator[str]:
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-jupyter"]
    running = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(20)


@contextmanager
def started_workers(address: str, folder: Path, command: str, count: int) -> Iterator[list[Process]]:
    workers = [worker(address, folder, command, "--no-nanny") for _ in range(count)]
    try:
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)
        yield workers
    finally:
        for each in workers:
            each.kill()
            each.wait(20)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler that has two workers."""
    folder = tmp_path_factory.mktemp("workers")
    with started_scheduler() as address, started_workers(address, folder, PINNED, 2):
        yield address


def script(folder: Path, address: str, jobs: int, seconds: float) -> subprocess.Popen[str]:
    (folder / "script.py").write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, "script.py", address, str(jobs), str(seconds)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_results_arrive_once_and_in_order_though_a_worker_is_killed(tmp_path: Path) -> None:
    with started_scheduler() as address, started_workers(address, tmp_path / "w", PINNED, 2) as workers:
        running = script(tmp_path, address, 8, 0.5)
        while len(list(tmp_path.glob("started-*"))) < 3:
            assert running.poll() is None, running.communicate()
            time.sleep(0.05)
        workers[0].send_signal(signal.SIGKILL)
        out, err = running.communicate(timeout=60)
    assert out.strip() == "[0, 1, 2, 3, 4, 5, 6, 7]", err
    assert "cluster: 8 job(s) in" in err
    started = [len(path.read_text()) for path in tmp_path.glob("started-*")]
    assert len(started) == 8
    # What the dead one was at, and a result that it had not yet handed over, are computed again.
    assert sum(started) <= 10


def test_a_jobs_error_is_the_callers(cluster: str, tmp_path: Path) -> None:
    running = script(tmp_path, cluster, 2, 0.0)
    _, err = running.communicate(timeout=60)
    assert running.returncode
    assert err.strip().splitlines()[-1] == "notmiwae.errors.DataError: row 3 is wrong"


def test_a_scheduler_that_is_slow_to_say_goodbye_hides_no_error(
    cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(client: Client) -> None:
        close(client)
        raise TimeoutError("Timeout")

    close = Client.close
    monkeypatch.setattr(Client, "close", slow)
    with pytest.raises(ZeroDivisionError):
        run_on_cluster(divmod, [(1, 0)], cluster, lambda ended: None)
    assert run_on_cluster(divmod, [(7, 2)], cluster, lambda ended: None) == [(3, 1)]


def test_a_stage_gives_the_bytes_that_it_gives_here(cluster: str, tmp_path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"]["gaussian"]["source"]["rows"] = 60
    params["datasets"]["gaussian"]["replicates"] = 4
    params["recipes"]["gaussian"]["training"] |= {"steps": 6, "check_every": 3, "together": 2}

    def stage(folder: Path, *arguments: str) -> dict[Path, bytes]:
        subprocess.run([sys.executable, str(ROOT / "stages"), *arguments], cwd=folder, check=True)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "timings.csv"]
        return {path.relative_to(folder): path.read_bytes() for path in files}

    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "params.yaml").write_text(yaml.safe_dump(params))
    stage(here, "generate", "gaussian")
    stage(here, "mask", "gaussian")
    shutil.copytree(here, there)
    made = stage(here, "train", "gaussian", "notmiwae")
    assert stage(there, "train", "gaussian", "notmiwae", "--scheduler", cluster) == made
    assert sum(path.suffix == ".safetensors" for path in made) == 4
    for jobs in (["impute", "gaussian", "notmiwae"], ["baseline", "gaussian", "missforest"]):
        made = stage(here, *jobs)
        assert stage(there, *jobs, "--scheduler", cluster) == made
        assert sum(path.is_relative_to(f"data/imputed/{jobs[-1]}") for path in made) == 4


def test_a_worker_as_docs_cluster_starts_it_is_accepted(tmp_path: Path) -> None:
    # By Dask's default a process of its own watches over it, which has views on its environment.
    with started_scheduler() as address:
        watched = worker(address, tmp_path, PINNED)
        try:
            script_of_two = script(tmp_path, address, 2, 0.1)
            said, errors = script_of_two.communicate(timeout=120)
            assert said == "[0, 1]\n", errors
        finally:
            watched.terminate()
            watched.wait(30)


def test_a_worker_that_is_not_pinned_is_refused(tmp_path: Path) -> None:
    plain, message = "distributed.cli.dask_worker", r"OMP_NUM_THREADS isn.t '1'.* study\.run\.worker"
    with (
        started_scheduler() as address,
        started_workers(address, tmp_path, plain, 1),
        pytest.raises(ParameterError, match=message),
    ):
        run_on_cluster(print, [()], address, lambda ended: None)


def test_a_worker_with_other_code_is_refused(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.run.cluster.code_digest", lambda apart: "another version's")
    with pytest.raises(
        ParameterError, match=r"other code or packages than .*PYTHONPATH=.* study\.run\.worker"
    ):
        run_on_cluster(print, [()], cluster, lambda ended: None)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.run.cluster._SECONDS", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    compute = ComputeSpec(backend="dask", address=address)
    with pytest.raises(ParameterError, match=f"compute: address '{address}': no Dask scheduler answers"):
        run_jobs(print, [(1,)], compute, "nobody")


def test_without_dask_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ParameterError, match="pip install"):
        run_on_cluster(print, [()], "tcp://127.0.0.1:1", lambda ended: None)


def test_dask_without_an_address_is_refused() -> None:
    with pytest.raises(ParameterError, match="needs the address of a scheduler"):
        parse_spec(ComputeSpec, {"backend": "dask"}, "params.yaml: compute")


def test_a_worker_needs_an_address() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "study.run.worker"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("usage: python -m study.run.worker ADDRESS")
