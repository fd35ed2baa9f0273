"""The house: every module can be found by its name, and every path that a text names leads somewhere."""

import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from setuptools import find_packages

ROOT = Path(__file__).parents[1]
PACKAGES = ("notmiwae", "study")
FOLDERS = ("src", "stages", "tests", "docs", ".ci", "benchmarks", "data")
MADE = (
    "data/complete",
    "data/masked",
    "data/imputed",
    "data/evaluated",
    "data/side_studies",
    "data/trials.journal",
    "data/mnist_full",
)
"""What a run makes: named in texts, and in no clone."""


def texts() -> list[Path]:
    """Code and pages, without reports, which are results."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    chosen = [ROOT / name for name in listed.splitlines() if name.endswith((".py", ".md", ".yaml", ".toml"))]
    skipped = ("reports/", "CHANGELOG.md")
    return [
        path for path in chosen if path.is_file() and not any(each in path.as_posix() for each in skipped)
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_modules_of_a_package_have_one_name(package: str) -> None:
    names = [path.stem for path in (ROOT / "src" / package).rglob("*.py") if not path.stem.startswith("__")]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_every_path_that_a_text_names_exists() -> None:
    pattern = re.compile(
        rf"(?<![\w/.$\{{<-])((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\w)(?![\w*<$\{{/-])"
    )
    lost = []
    for text in texts():
        if text.is_relative_to(ROOT / "tests"):
            continue  # they name what isn't there on purpose
        for name in pattern.findall(text.read_text(encoding="utf-8")):
            places = (ROOT / name, text.parent / name, ROOT / "src" / name, ROOT / "src/notmiwae" / name)
            if name.split("/")[1].removesuffix(".py").isupper() or name.startswith(MADE) or "mine" in name:
                continue  # NAME and mine stand for any
            if not any(place.exists() for place in places):
                lost.append(f"{text.relative_to(ROOT)}: {name}")
    assert lost == []


def test_every_module_that_a_text_names_exists() -> None:
    pattern = re.compile(r"`((?:notmiwae|study)(?:\.\w+)+)`")
    lost = []
    for text in texts():
        for name in pattern.findall(text.read_text(encoding="utf-8")):
            parts = name.split(".")
            # A module, or something in one.
            if not any(
                (ROOT / "src" / "/".join(parts[:end])).with_suffix(".py").is_file()
                or ((ROOT / "src" / "/".join(parts[:end]) / "__init__.py").is_file() and end == len(parts))
                or (end == 1 and name.startswith("notmiwae.") and parts[1] in ("__version__",))
                for end in range(len(parts), 0, -1)
            ):
                lost.append(f"{text.relative_to(ROOT)}: {name}")
    assert lost == []


def test_a_docstring_names_modules_by_files_that_are_there() -> None:
    files = {path.name for path in ROOT.rglob("*.py") if ".venv" not in path.parts}
    lost = [
        f"{text.relative_to(ROOT)}: {name}"
        for text in texts()
        if text.is_relative_to(ROOT / "src") or text.suffix == ".md"
        for name in re.findall(r"`(?:[\w/]+/)?([a-z]\w*\.py)`", text.read_text(encoding="utf-8"))
        if name not in files
    ]
    assert lost == []


def test_the_mathematics_is_cited_from_the_repository() -> None:
    assert [
        str(text)
        for text in texts()
        if text != Path(__file__) and "METHOD" + ".md" in text.read_text(encoding="utf-8")
    ] == []


def test_the_wheel_holds_the_method_alone() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = settings["tool"]["setuptools"]["packages"]["find"]
    packages = find_packages(str(ROOT / found["where"][0]), include=found["include"])
    assert {name.partition(".")[0] for name in packages} == {"notmiwae"}
    assert "notmiwae.model.missing_process" in packages
