"""Images: files of them, and the data set whose rows they are."""

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import PositiveInt
from typing_extensions import override

from notmiwae.errors import DataError, flat
from study.data.checksums import RESTORE, Sha256, verify
from study.data.sources.source import Source, sources

Bytes = npt.NDArray[np.uint8]

_UNSIGNED_BYTES = b"\x00\x00\x08"
"""How an IDX file of bytes begins; the number of its axes follows, then their sizes, then the bytes."""


@sources.register("mnist")
class MnistSource(Source):
    """The first images of a file, a row each, pixels scaled to [−1, 1]; columns pixel_0, pixel_1, ….

    MNIST's training set, or any that comes as it does: Fashion-MNIST.

    Attributes:
        file: Path of an `.npz` with `images`, uint8, N × height × width, and perhaps `labels`; or of an IDX
            file as Y. LeCun's, perhaps compressed (`.gz`).
        sha256: Checksum of `file`.
        images: Number of images to take, the first ones.
        labels: Path of the labels, for figures; null: `file`, if it's an `.npz`.
        fetch: Command that fetches the files, if they aren't in git.
    """

    fixed: ClassVar[bool] = True

    file: Path
    sha256: Sha256
    images: PositiveInt
    labels: Path | None = None
    fetch: str | None = None

    @override
    def draw(self, generator: np.random.Generator) -> pd.DataFrame:
        """Read the images; nothing is random."""
        remedy = f"fetch it: {self.fetch}" if self.fetch else RESTORE
        verify(self.file, self.sha256, remedy)
        images = _read(self.file, "images", self.images)
        if images.ndim != 3:
            raise DataError(f"{self.file}: holds an array of {images.ndim} axes, expected images: 3")
        pixels = images.reshape(self.images, -1) / 127.5 - 1.0
        return pd.DataFrame(pixels, columns=[f"pixel_{j}" for j in range(pixels.shape[1])])

    def read_labels(self) -> Bytes:
        """Read the images' labels.

        Raises:
            DataError: there are none, or too few.
        """
        return _read(self.labels or self.file, "labels", self.images)


def _read(file: Path, what: Literal["images", "labels"], count: int) -> Bytes:
    """Read the first `count` images or labels of a file.

    Raises:
        DataError: it can't be read, or holds fewer.
    """
    try:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as archive:
                array: Bytes = archive[what]
        else:
            array = _read_idx(file)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{file}: no `{what}` to be read: {flat(error)}") from None
    if array.ndim == 0 or len(array) < count:
        raise DataError(f"{file}: holds {len(np.atleast_1d(array))} {what}, {count} asked for")
    return array[:count]


def _read_idx(file: Path) -> Bytes:
    """Read an array of bytes as Y. LeCun's files hold it."""
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    if content[:3] != _UNSIGNED_BYTES:
        raise ValueError("neither .npz nor an IDX file of bytes")
    axes = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=axes, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)
