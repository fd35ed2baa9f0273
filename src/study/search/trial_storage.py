"""Where the trials of a search are kept: a file on this machine, or a database that machines share."""

import fcntl
import os
import warnings
from pathlib import Path
from urllib.parse import urlsplit

from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalRedisBackend
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from notmiwae.errors import ParameterError, flat

TRIALS = Path("data/trials.journal")
VARIABLE = "NOTMIWAE_SWEEP_STORAGE"
"""Variable with the URL of a database, whatever params.yaml says: a password has no place in git."""


class Journal(JournalRedisBackend):
    """Optuna's journal in Redis, without its snapshots: they are pickles, and nothing is unpickled here."""

    @override
    def save_snapshot(self, snapshot: bytes) -> None:
        """Keep none."""

    @override
    def load_snapshot(self) -> bytes | None:
        """Return None: the journal is read from its beginning."""
        return None


class KernelLock(JournalFileOpenLock):
    """A file's lock that ends with the process that holds it, however that ends.

    Optuna's own are files, which a killed process leaves behind for others to wait for.

    Arguments:
        path: File that is locked, and holds nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @override
    def acquire(self) -> bool:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return True

    @override
    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def storage_url(written: str | None) -> str | None:
    """Return the URL that the environment names, or else the one in params.yaml."""
    return os.environ.get(VARIABLE) or written


def open_storage(url: str | None, journal: Path, name: str) -> BaseStorage:
    """Open the storage.

    Arguments:
        url: `redis://…`, or what SQLAlchemy accepts, as `postgresql://…`; None: trials are in `journal`.
        journal: File on this machine.
        name: Name of the search; in Redis, its keys begin with it.

    Raises:
        ParameterError: nobody answers there, or the package that speaks to it isn't installed.
    """
    if url is None:
        return _open_file(journal)
    parts = urlsplit(url)
    # Without the password that may stand between.
    where = f"{parts.scheme}://{parts.hostname or ''}"
    try:
        if parts.scheme in ("redis", "rediss", "unix"):
            return _open_redis(url, name)
        return RDBStorage(url)
    except (ImportError, OSError, ValueError, SQLAlchemyError, StorageInternalError) as error:
        reason = flat(error.__cause__ or error, 200)
        raise ParameterError(f"sweep: storage {where}: can't be used: {reason}") from None


def _open_redis(url: str, name: str) -> BaseStorage:
    from redis.exceptions import RedisError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return JournalStorage(Journal(url, prefix=f"notmiwae:{name}"))
        except RedisError as error:
            raise OSError(str(error)) from None


def _open_file(path: Path) -> BaseStorage:
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
