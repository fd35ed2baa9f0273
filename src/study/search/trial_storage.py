"""Where the trials of a search are kept: a file on this machine, or a database that machines share."""

from __future__ import annotations

import fcntl
import os
import warnings
from pathlib import Path
from urllib.parse import urlsplit

from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalRedisBackend
from sqlalchemy.exc import SQLAlchemyError

from notmiwae.errors import ParameterError, flat

TRIALS = Path("data/trials.journal")
VARIABLE = "NOTMIWAE_SWEEP_STORAGE"
"""Variable with the URL of a database, whatever params.yaml says: a password has no place in git."""


class Journal(JournalRedisBackend):
    """Optuna's journal in Redis, without its snapshots: they are pickles, and nothing is unpickled here."""

    def save_snapshot(self, snapshot: bytes) -> None:
        """Keep none."""

    def load_snapshot(self) -> bytes | None:
        """There is none; the journal is read from its beginning."""
        return None


class KernelLock(JournalFileOpenLock):
    """A file's lock that ends with the process that holds it, however that ends.

    Optuna's own are files, which a killed process leaves behind for others to wait for.

    Arguments:
        path: A file of its own.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._held = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(self._held, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Give it back."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def storage_url(written: str | None) -> str | None:
    """The URL that the environment names, or else the one in params.yaml."""
    return os.environ.get(VARIABLE) or written


def open_storage(url: str | None, journal: Path, name: str) -> BaseStorage:
    """Open the storage.

    Arguments:
        url: `redis://…`, or what SQLAlchemy accepts, as `postgresql://…`; None is the file `journal`.
        journal: The file on this machine.
        name: The study's; in Redis, what its keys begin with.

    Raises:
        ParameterError: nobody answers there, or what speaks to it isn't installed.
    """
    if url is None:
        return _file(journal)
    parts = urlsplit(url)
    # Without the password that may stand between.
    where = f"{parts.scheme}://{parts.hostname or ''}"
    try:
        if parts.scheme in ("redis", "rediss", "unix"):
            return _redis(url, name)
        return RDBStorage(url)
    except (ImportError, OSError, ValueError, SQLAlchemyError, StorageInternalError) as error:
        said = flat(error.__cause__ or error, 200)
        raise ParameterError(f"sweep: storage {where}: can't be used: {said}") from None


def _redis(url: str, name: str) -> BaseStorage:
    from redis.exceptions import RedisError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return JournalStorage(Journal(url, prefix=f"notmiwae:{name}"))
        except RedisError as error:
            raise OSError(str(error)) from None


def _file(path: Path) -> BaseStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = KernelLock(path.with_suffix(".lock"))
    lock.acquire()
    try:
        if path.is_file() and not (content := path.read_bytes()).endswith(b"\n"):
            # A process was killed, or the disk was full, in the middle of a line: what would be written
            # after it couldn't be read.
            with path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
