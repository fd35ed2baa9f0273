"""Work that needn't be done again: a note beside each output says what it was made from.

DVC decides by the stage; a stage of many independent jobs decides by the job. One that was killed goes on
with the jobs that are missing, and a dial of one data set doesn't rerun the others (with DVC's
`persist: true`, by which the outputs stay when the stage starts).
"""

from __future__ import annotations

import functools
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from notmiwae.files import whole_file
from notmiwae.params import Spec

PACKAGE = Path(__file__).parent
APART = {"reporting", "estimators", "command", "search", "site", "trust"}
"""Folders of this package that make no result of a job; a search names its own code."""
COMPUTES = ("numpy", "pandas", "scikit-learn", "scipy", "torch")


def fingerprint(*inputs: Spec | Path | str | int) -> str:
    """A digest of a job's inputs, of this package's code and of the versions of what computes.

    Arguments:
        inputs: Specs and plain values enter as they are written, paths by the content of the file or of all
            files in the folder.
    """
    digest = hashlib.sha256(_code().encode())
    for each in inputs:
        digest.update(_content(each) + b"\0")
    return digest.hexdigest()


def is_current(output: Path, fingerprint: str) -> bool:
    """Whether `output` is there, whole, and was made from the inputs with this fingerprint."""
    try:
        found = note_path(output).read_text(encoding="ascii").splitlines()
        return output.exists() and found == [fingerprint, _of_output(output)]
    except (OSError, UnicodeDecodeError):
        return False


def note(output: Path, fingerprint: str) -> None:
    """Write down what `output`, which is whole, was made from."""
    with whole_file(note_path(output)) as temporary:
        temporary.write_text(f"{fingerprint}\n{_of_output(output)}\n", encoding="ascii")


def forget(output: Path) -> None:
    """Remove the note, before `output` is made anew."""
    note_path(output).unlink(missing_ok=True)


def note_path(output: Path) -> Path:
    """Where the note on an output lies: beside it."""
    return output.with_suffix(".made_from")


def _of_output(output: Path) -> str:
    return hashlib.sha256(_content(output)).hexdigest()


def _content(value: Spec | Path | str | int) -> bytes:
    if isinstance(value, Spec):
        return json.dumps(value.to_mapping(), sort_keys=True, default=_plain).encode()
    if isinstance(value, Path):
        files = sorted(value.rglob("*")) if value.is_dir() else [value]
        return b"".join(_digest(file, value) for file in files if file.is_file())
    return repr(value).encode()


def _plain(value: object) -> object:
    return value.to_mapping() if isinstance(value, Spec) else str(value)


def _digest(file: Path, folder: Path) -> bytes:
    # As seen from the folder, so that its place doesn't matter; a file alone is the folder of itself.
    return file.relative_to(folder).as_posix().encode() + hashlib.sha256(file.read_bytes()).digest()


@functools.cache
def _code() -> str:
    files = (file for file in sorted(PACKAGE.rglob("*.py")) if APART.isdisjoint(file.parts))
    versions = ",".join(f"{name} {version(name)}" for name in COMPUTES)
    return hashlib.sha256(b"".join(_digest(file, PACKAGE) for file in files) + versions.encode()).hexdigest()
