"""Files of images: the pixels of both formats, labels, and files that are what they should be."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from notmiwae.errors import DataError
from notmiwae.randomness import generator
from study.data.sources.source import sources


def archive(tmp_path, **arrays):
    """An .npz file and the entry that describes it."""
    path = tmp_path / "images.npz"
    np.savez(path, **arrays)
    return {
        "kind": "mnist",
        "file": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "images": 2,
    }


def complaint(entry):
    with pytest.raises(DataError) as error:
        sources.parse(entry).draw(generator(0))
    text = str(error.value)
    assert text.startswith(f"{entry['file']}: ")
    assert "\n" not in text
    return text


IMAGES = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)


def test_pixels_are_laid_out_row_by_row_and_scaled(tmp_path):
    table = sources.parse(archive(tmp_path, images=IMAGES)).draw(generator(0)).to_numpy()
    assert table == pytest.approx(IMAGES[:2].reshape(2, 784) / 127.5 - 1)


def test_an_absent_file_is_named(tmp_path):
    entry = archive(tmp_path, images=IMAGES)
    Path(entry["file"]).unlink()
    assert "No such file" in complaint(entry)


def test_a_file_that_was_altered_is_named_with_both_checksums(tmp_path):
    entry = archive(tmp_path, images=IMAGES)
    expected = entry["sha256"]
    content = bytearray(Path(entry["file"]).read_bytes())
    content[len(content) // 2] ^= 1
    Path(entry["file"]).write_bytes(content)
    text = complaint(entry)
    assert expected in text
    assert hashlib.sha256(content).hexdigest() in text


def test_fewer_images_than_asked_for_are_named(tmp_path):
    assert complaint(archive(tmp_path, images=IMAGES) | {"images": 4}).endswith("holds 3 images, 4 asked for")


def test_an_archive_without_images_is_named(tmp_path):
    assert "`images`" in complaint(archive(tmp_path, pictures=IMAGES))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"], ids=repr)
def test_what_is_no_archive_is_named(tmp_path, content):
    entry = archive(tmp_path, images=IMAGES)
    Path(entry["file"]).write_bytes(content)
    entry["sha256"] = hashlib.sha256(content).hexdigest()
    assert "no `images` to be read" in complaint(entry)


def test_pickled_objects_are_never_loaded(tmp_path):
    entry = archive(tmp_path, images=np.array([{"a": 1}], dtype=object))
    assert "no `images` to be read" in complaint(entry)


# --- IDX files


LABELS = np.array([7, 2, 1], dtype=np.uint8)


def idx(path, array):
    """A file as Y. LeCun's; compressed if its name says so."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return {
        "kind": "mnist",
        "file": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "images": 2,
    }


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_idx_files_hold_what_an_archive_holds(tmp_path, name):
    found = sources.parse(idx(tmp_path / name, IMAGES)).draw(generator(0))
    expected = sources.parse(archive(tmp_path, images=IMAGES)).draw(generator(0))
    assert found.equals(expected)


def test_labels_are_in_the_archive_or_in_a_file_of_their_own(tmp_path):
    labels = tmp_path / "labels"
    idx(labels, LABELS)
    own = idx(tmp_path / "images", IMAGES) | {"labels": str(labels)}
    for entry in (own, archive(tmp_path, images=IMAGES, labels=LABELS)):
        assert sources.parse(entry).read_labels().tolist() == [7, 2]
    with pytest.raises(DataError, match=r"^.*labels: holds 3 labels, 4 asked for$"):
        sources.parse(own | {"images": 4}).read_labels()
    with pytest.raises(DataError, match="no `labels` to be read"):
        sources.parse(archive(tmp_path, images=IMAGES)).read_labels()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"\0\0\x0d" + content[3:],  # floats
        lambda content: content[:9],  # a header cut short
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: content[:3] + b"\xff" + content[4:],  # 255 axes
        lambda content: content[:4] + b"\xff" * 4 + content[8:],  # more images than bytes
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_damaged_idx_file_is_named(tmp_path, damage, suffix):
    path = tmp_path / f"images{suffix}"
    entry = idx(tmp_path / "whole", IMAGES) | {"file": str(path)}
    content = damage((tmp_path / "whole").read_bytes())
    path.write_bytes(gzip.compress(content) if suffix else content)
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    complaint(entry)
    path.write_bytes(content)
    entry["sha256"] = hashlib.sha256(content).hexdigest()
    complaint(entry)


def test_an_array_that_is_no_stack_of_images_is_named(tmp_path):
    assert complaint(archive(tmp_path, images=LABELS)).endswith(
        "holds an array of 1 axes, expected images: 3"
    )
    assert "1 images" in complaint(archive(tmp_path, images=np.uint8(3)))
