"""Work that needn't be done again: a note of each output says what it was made from.

DVC decides by the stage; a stage of many independent jobs decides by the job. One that was killed goes on
with the jobs that are missing, and a dial of one data set doesn't rerun the others (with DVC's
`persist: true`, by which the outputs stay when the stage starts).
"""

import functools
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from notmiwae.errors import DataError
from notmiwae.files import whole_file
from notmiwae.specs import Spec

SOURCE = Path(__file__).parents[2]
"""The folder of both packages."""
PACKAGES = ("notmiwae", "study")
NOTES = Path("build/made_from")
"""No stage's output: DVC removes those when it starts one."""
APART = frozenset(
    {
        "notmiwae/cli",
        "notmiwae/estimators",
        "study/estimators",
        "study/evaluation",
        "study/inference",
        "study/ladder",
        "study/reporting",
        "study/reproduction",
        "study/search",
        "study/site",
    }
)
"""Folders of code that make no table, model or imputation; a job that runs one names it (`modules`)."""
COMPUTES = ("numpy", "pandas", "scikit-learn", "scipy", "torch")


def fingerprint(*inputs: Spec | Path | str | int) -> str:
    """Return a digest of a job's inputs, of the code and of the versions of what computes.

    Arguments:
        inputs: Specs and plain values, which enter as they are written, and paths, which enter by the content
            of the file or of all files in the folder.

    Raises:
        DataError: there is nothing at a path.
    """
    digest = hashlib.sha256(code_digest().encode())
    for value in inputs:
        digest.update(_content(value) + b"\0")
    return digest.hexdigest()


def modules(*folders: str) -> list[Path]:
    """List the modules in folders of the source, as `study/reporting`: inputs of a job that runs them."""
    return [module for folder in folders for module in sorted((SOURCE / folder).rglob("*.py"))]


def is_current(output: Path, fingerprint: str) -> bool:
    """Tell whether `output` is there, whole, and was made from the inputs with this fingerprint."""
    try:
        noted = note_path(output, fingerprint).read_text(encoding="ascii").strip()
        return output.exists() and noted == _of_output(output)
    except (OSError, UnicodeDecodeError):
        return False


def note(output: Path, fingerprint: str) -> None:
    """Write down what `output`, which is whole, was made from."""
    with whole_file(note_path(output, fingerprint)) as temporary:
        temporary.write_text(f"{_of_output(output)}\n", encoding="ascii")


def note_path(output: Path, fingerprint: str) -> Path:
    """Name the file of the note that `output` was made from the inputs with this fingerprint.

    It's no part of the output, whose bytes are the result's alone; nor does one note replace another, so
    that an earlier result which comes back from DVC's cache is known.
    """
    name = hashlib.sha256(f"{output.as_posix()}\n{fingerprint}".encode()).hexdigest()
    return NOTES / name[:32]


def _of_output(output: Path) -> str:
    return hashlib.sha256(_content(output)).hexdigest()


def _content(value: Spec | Path | str | int) -> bytes:
    if isinstance(value, Spec):
        return json.dumps(value.to_mapping(), sort_keys=True, default=_plain).encode()
    if isinstance(value, Path):
        if not value.exists():
            raise DataError(f"{value}: no such file or folder; run the stage that makes it")
        files = sorted(value.rglob("*")) if value.is_dir() else [value]
        return b"".join(_digest(file, value) for file in files if file.is_file())
    return repr(value).encode()


def _plain(value: object) -> object:
    return value.to_mapping() if isinstance(value, Spec) else str(value)


def _digest(file: Path, folder: Path) -> bytes:
    # As seen from the folder, so that its place doesn't matter; a file alone is the folder of itself.
    return file.relative_to(folder).as_posix().encode() + hashlib.sha256(file.read_bytes()).digest()


@functools.cache
def code_digest(apart: frozenset[str] = APART) -> str:
    """Return a digest of the code of both packages and of the versions of what computes.

    Arguments:
        apart: Folders of the source that don't count.
    """
    left_out = [SOURCE / folder for folder in apart]
    counted = (m for m in modules(*PACKAGES) if not any(m.is_relative_to(folder) for folder in left_out))
    versions = ",".join(f"{name} {version(name)}" for name in COMPUTES)
    return hashlib.sha256(b"".join(_digest(m, SOURCE) for m in counted) + versions.encode()).hexdigest()
