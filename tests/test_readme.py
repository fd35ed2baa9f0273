"""The README is true: its table is the committed one, its links lead somewhere, its examples run."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(start: str, stop: str) -> str:
    return README.split(start)[1].split(stop)[0].strip()


@pytest.mark.parametrize("name", ["table.md", "agreement.md", "paper/summary.md"])
def test_its_tables_are_those_of_the_committed_reports(name: str) -> None:
    written = between(f"<!-- {name} -->", f"<!-- end of {name} -->")
    path = ROOT / Path(name).parent / "reports" / Path(name).name
    assert written == path.read_text(encoding="utf-8").strip()


def test_its_links_and_pictures_are_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_files_it_names_are_there() -> None:
    for name in re.findall(r"`((?:reports|stages|src|data|tests)/[^`*<]*)`", README):
        assert (ROOT / name).exists(), name


def test_its_graph_has_the_pipelines_stages() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    graph = between("```mermaid\nflowchart LR", "```")
    assert set(re.findall(r"\w+", graph)) == set(stages)


def test_its_make_targets_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_dials_it_turns_are_there() -> None:
    params = (ROOT / "params.yaml").read_text()
    (pattern,) = re.findall(r"sed -i 's/([^/]+)/[^/]+/' params.yaml", README)
    assert params.count(pattern) == 1
    for key in re.findall(r"-S '?([\w.]+)=", README):
        value = yaml.safe_load(params)
        for part in key.split("."):
            value = value[part]


def test_its_python_runs_as_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict = {}
    exec(between("```python", "```"), names)
    table, completed = names["table"], names["completed"]
    assert table["wage"].isna().sum() == 325
    assert completed.notna().all(axis=None)
    observed = table.notna()
    assert (completed[observed].fillna(0) == table[observed].fillna(0)).all(axis=None)
    assert np.all(names["spread"][table["wage"].isna(), 0] > 0)
