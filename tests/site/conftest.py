"""A copy of what the report is made of, to be changed by a test."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
COPIED = (
    "README.md",
    "CHANGELOG.md",
    "docs",
    "reports",
    "images",
    "ladder",
    "paper",
    "long",
    "sweep",
    "benchmarks",
    "params.yaml",
    "dvc.lock",
    "requirements.lock",
)


def smaller(source: str, target: str) -> str:
    """Copy a file; of a picture a blank one that is quickly packed."""
    if source.endswith(".png"):
        Image.new("RGB", (8, 6), "white").save(target)
        return target
    return shutil.copy(source, target)


@pytest.fixture
def copied(tmp_path, committed):
    """The repository's pages and results, pictures blank."""
    for name in COPIED:
        here = committed / name
        if here.is_dir():
            shutil.copytree(
                here,
                tmp_path / name,
                ignore=shutil.ignore_patterns("data", "models", "src", "stages", ".dvc"),
                copy_function=smaller,
            )
        else:
            shutil.copy(here, tmp_path / name)
    for link in ("data", "src", "stages", "dvc.yaml"):
        (tmp_path / link).symlink_to(ROOT / link)
    return tmp_path
