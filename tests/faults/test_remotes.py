"""Push, wipe, pull and verify, on real servers on loopback: SSH, WebDAV and the S3 protocol."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from projects import TARGET, TOOLS, dvc, git, made

Remote = tuple[str, dict[str, str]]
"""A URL, and the settings of the remote that has it."""


def program(name: str) -> str:
    """Where a server's program lies: on PATH, or beside the Python that runs this."""
    found = shutil.which(name, path=TOOLS["PATH"])
    assert found, f"no {name}"
    return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A server that answers at a port while the block runs."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=TOOLS)
    try:
        until = time.monotonic() + 30
        while True:
            assert process.poll() is None, log.read_text()
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def ssh(folder: Path) -> Iterator[Remote]:
    """Debian's OpenSSH, with a key of its own for the host and one for the user."""
    daemon, keygen = program("sshd"), program("ssh-keygen")
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = free_port()
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile {folder}/pid\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPasswordAuthentication no\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it separates its privileges
    with server([daemon, "-D", "-e", "-f", str(folder / "sshd_config")], port, folder / "log"):
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder}/store"
        yield url, {"keyfile": str(folder / "user")}


@contextmanager
def webdav(folder: Path) -> Iterator[Remote]:
    """rclone's WebDAV server."""
    port = free_port()
    (folder / "served/store").mkdir(parents=True)
    command = [program("rclone"), "serve", "webdav", str(folder / "served"), "--addr", f"127.0.0.1:{port}"]
    with server([*command, "--user", "someone", "--pass", "secret"], port, folder / "log"):
        yield f"webdav://127.0.0.1:{port}/store", {"user": "someone", "password": "secret"}


@contextmanager
def s3(folder: Path) -> Iterator[Remote]:
    """Moto's server of the S3 protocol."""
    import boto3

    port = free_port()
    with server([program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, folder / "log"):
        keys = {"aws_access_key_id": "someone", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        endpoint = f"http://127.0.0.1:{port}"
        boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket="bucket")
        yield (
            "s3://bucket/store",
            {
                "endpointurl": endpoint,
                "access_key_id": "someone",
                "secret_access_key": "secret",
                "region": "us-east-1",
            },
        )


SERVERS = {ssh: ("sshd", "ssh-keygen"), webdav: ("rclone",), s3: ()}
"""What each server needs."""


@pytest.mark.parametrize(
    "serve",
    [pytest.param(each, marks=pytest.mark.needs(*names)) for each, names in SERVERS.items()],
    ids=lambda serve: serve.__name__,
)
def test_a_colleague_gets_the_same_bytes_without_running_anything(
    serve: Callable[[Path], Iterator[Remote]], project: Path, finished: Path, tmp_path: Path
) -> None:
    place = tmp_path / "server"
    place.mkdir()
    with serve(place) as (url, settings):
        remote(project, url, settings)
        dvc(project, "push")
        assert "in sync" in dvc(project, "status", "--cloud").stdout
        # Wiped here.
        for gone in (".dvc/cache", "data/complete", "data/masked", "data/imputed", "models"):
            shutil.rmtree(project / gone)
        dvc(project, "pull", TARGET, "--with-deps")
        assert made(project) == made(finished)
        # Cloned there.
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "--quiet", str(project), str(clone))
        remote(clone, url, settings)
        dvc(clone, "pull", TARGET, "--with-deps")
        assert made(clone) == made(finished)
        assert "Running stage" not in dvc(clone, "repro", TARGET).stdout
    for each in (project, clone):
        verified = subprocess.run(
            [sys.executable, "-m", "study.reproduction.cache_check"], cwd=each, env=TOOLS, check=False
        )
        assert verified.returncode == 0


def remote(folder: Path, url: str, settings: dict[str, str]) -> None:
    """Name a remote, with what must not be in git beside it."""
    dvc(folder, "remote", "add", "--local", "--default", "store", url)
    for name, value in (settings | {"verify": "true"}).items():
        dvc(folder, "remote", "modify", "--local", "store", name, value)
