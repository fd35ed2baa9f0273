"""Checksums, by which data files are known to be those that are meant."""

import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import Field

from notmiwae.errors import DataError

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
RESTORE = "restore it from git (what git doesn't track, no experiment has: `git add` it)"
"""What to do about a data file that isn't as it was."""


def verify(file: Path, sha256: str, remedy: str = RESTORE) -> None:
    """Check a data file against its checksum.

    Arguments:
        file: Path of the file.
        sha256: Checksum that the file should have.
        remedy: Advice with which a message ends.

    Raises:
        DataError: the file is absent, or isn't the one that is meant.
    """
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{file}: can't be read ({error.strerror}); {remedy}") from None
    if digest != sha256:
        raise DataError(f"{file}: altered: sha256 is {digest}, expected {sha256}; {remedy}")
