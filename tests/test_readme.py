"""The README is true: its links lead somewhere, its examples run; its tables are `site/test_report.py`'s."""

import re
import runpy
import shlex
from pathlib import Path

import pandas as pd
import pytest
import yaml

from notmiwae.command.main import main
from notmiwae.estimators.defaults import training

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(start: str, stop: str) -> str:
    return README.split(start)[1].split(stop)[0].strip()


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
    for target in re.findall(r"\bmake ([\w-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_dials_it_turns_are_there(committed: Path) -> None:
    # As they are committed: who has followed the README has turned them.
    readme, params = ((committed / name).read_text(encoding="utf-8") for name in ("README.md", "params.yaml"))
    (pattern,) = re.findall(r"sed -i 's/([^/]+)/[^/]+/' params.yaml", readme)
    assert params.count(pattern) == 1
    for key in re.findall(r"-S '?([\w.]+)=", readme):
        value = yaml.safe_load(params)
        for part in key.split("."):
            value = value[part]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to run examples in, where training is short; the examples show what is typed, not figures."""
    monkeypatch.setattr("notmiwae.estimators.imputers.training", lambda rows, steps: training(rows, 20))
    for name in ("data", "docs"):
        (tmp_path / name).mkdir()
    (tmp_path / "data/examples").symlink_to(ROOT / "data/examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_python_runs_as_printed(quick: Path) -> None:
    names: dict = {}
    exec(between("```python", "```"), names)
    table, completed = names["table"], names["completed"]
    assert table["wage"].isna().sum() == 325
    assert completed.notna().all(axis=None)
    pd.testing.assert_frame_equal(completed.where(table.notna()), table)
    assert (completed["wage"] >= 0).all()
    assert len(names["draws"]) == 20
    assert (quick / "wages-model/imputer.json").is_file()


def test_its_commands_run_as_printed(quick: Path) -> None:
    (block,) = [each for each in re.findall(r"```sh\n(.*?)```", README, re.S) if "notmiwae impute" in each]
    for line in block.replace("\\\n", "").splitlines():
        program, *arguments = shlex.split(line)
        assert program == "notmiwae"
        assert main(arguments) == 0
    completed, draws = pd.read_csv("completed.csv"), pd.read_csv("draws.csv")
    assert completed["wage"].notna().all()
    assert draws.groupby(".imp").size().tolist() == [753] * 21
    for name in ("patterns.png", "wage.png"):
        assert Path(name).stat().st_size


@pytest.mark.parametrize("name", ["assumptions.md", "wages.md"])
def test_the_python_of_a_page_runs_as_printed(name: str, quick: Path) -> None:
    runner = runpy.run_path(str(ROOT / "docs/run_example.py"))
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    again = runner["run"](page)
    assert re.sub(r"```text.*?```", "", again, flags=re.S) == re.sub(r"```text.*?```", "", page, flags=re.S)
    assert again.count("```text") == page.count("```text"), "run `make example`"


PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md") if not path.name.endswith(".template.md"))


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_somewhere(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", page):
        assert (ROOT / "docs" / link).exists(), link


def test_every_promise_names_a_test_that_is_there() -> None:
    page = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text()
    rows = [
        line.split(" | ")[-1] for line in page.splitlines() if line.startswith("| ") and ":--" not in line
    ]
    for promise in rows:
        if promise.startswith("Tested by"):
            continue
        named = re.findall(r"`(tests/[^`]+|make [\w-]+)`", promise)
        assert named or promise.startswith("the same"), promise
        for each in named:
            target = each.removeprefix("make ")
            assert (ROOT / each).exists() or re.search(rf"^{target}:", makefile, re.M), each
