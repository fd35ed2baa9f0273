"""What a project has beside its code: licence, version, citation, reference, line ends, a container."""

import hashlib
import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import notmiwae

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "docs/platforms.md", "docs/api.md")


def test_the_licence_is_in_the_metadata() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License")
    (author,) = PROJECT["authors"]
    assert f"Copyright (c) 2026 {author['name']}" in text
    assert PROJECT["license"] == "MIT"
    assert PROJECT["license-files"] == ["LICENSE"]


def test_version_citation_and_changelog_agree() -> None:
    version = PROJECT["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+) – (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert notmiwae.__version__ == version == citation["version"]
    assert newest
    assert newest.groups() == (version, citation["date-released"])


def test_method_and_published_study_are_cited() -> None:
    references = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    names = [{author["family-names"] for author in each["authors"]} for each in references]
    assert names == [{"Ipsen", "Mattei", "Frellsen"}, {"Dezons", "Blotas"}]


def ask(code: str, path: Path) -> str:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r}); {code}"]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=path).stdout.strip()


def test_the_version_is_quick_to_have() -> None:
    code = "import notmiwae; print(notmiwae.__version__, {'torch', 'numpy', 'pandas'} & set(sys.modules))"
    assert ask(code, ROOT / "src") == f"{PROJECT['version']} set()"


def test_an_installed_package_has_the_version_of_its_metadata(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "src/notmiwae", tmp_path / "lib/site/notmiwae", ignore=shutil.ignore_patterns("__pycache__")
    )
    metadata = tmp_path / "lib/site/notmiwae-7.8.9.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.4\nName: notmiwae\nVersion: 7.8.9\n")
    # A project that holds a copy of the package has a version of its own.
    (tmp_path / "lib/pyproject.toml").write_text('[project]\nname = "other"\nversion = "1"\n')
    assert ask("import notmiwae; print(notmiwae.__version__)", tmp_path / "lib/site") == "7.8.9"


@pytest.fixture(scope="module")
def api() -> dict:
    return runpy.run_path(str(ROOT / ".ci/api.py"))


def test_the_reference_is_what_the_docstrings_say(api: dict) -> None:
    assert (ROOT / "docs/api.md").read_text(encoding="utf-8") == api["reference"](), "run `make api`"


def test_the_reference_has_all_that_users_import(api: dict) -> None:
    offered = {f"notmiwae.{name}" for name in notmiwae.__all__} - {"notmiwae.__version__"}
    assert offered <= set(api["PUBLIC"])


def test_what_the_reference_names_can_be_imported(api: dict) -> None:
    for path in api["PUBLIC"]:
        module, _, name = path.rpartition(".")
        names: dict = {}
        exec(f"from {module} import {name}", names)
        assert name in names


def test_links_within_the_reference_lead_to_a_heading() -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    anchors = [heading.lower().replace("`", "").replace(".", "").replace(" ", "-") for heading in headings]
    assert len(set(anchors)) == len(anchors)
    links = re.findall(r"\]\(#([^)]*)\)", text)
    assert links
    assert set(links) <= set(anchors)


@pytest.mark.parametrize("page", PAGES)
def test_links_and_commands_of_a_page_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), link
    for name in re.findall(r"`((?:src|docs|tests|\.ci)/[\w./]*)`", text):
        assert (ROOT / name).exists(), name
    for target in re.findall(r"`make ([a-z][\w-]*)", text):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_container_makes_the_environment() -> None:
    text = (ROOT / ".devcontainer/devcontainer.json").read_text()
    container = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M))
    assert container["postCreateCommand"] == "make .venv/.ready"
    assert ":3.11" in container["image"]


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", *settings, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_clone_that_converts_line_ends_has_the_bytes_that_were_committed(tmp_path: Path) -> None:
    source, clone = tmp_path / "source", tmp_path / "clone"
    shutil.copytree(
        ROOT / "data",
        source / "data",
        ignore=shutil.ignore_patterns("complete", "masked", "*ed", "mnist_full"),
    )
    for name in (".gitattributes", "dvc.lock", "params.yaml"):
        shutil.copy(ROOT / name, source)
    git(source, "init", "--quiet")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "-m", "files")
    git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", str(source), str(clone))
    status = ["git", "status", "--porcelain"]
    assert subprocess.run(status, cwd=clone, check=True, capture_output=True, text=True).stdout == ""
    sums = (clone / "data/SHA256SUMS").read_text().splitlines()
    assert len(sums) > 5
    for line in sums:
        digest, name = line.split()
        assert hashlib.sha256((clone / "data" / name).read_bytes()).hexdigest() == digest, name
    assert (clone / "dvc.lock").read_bytes() == (ROOT / "dvc.lock").read_bytes()
