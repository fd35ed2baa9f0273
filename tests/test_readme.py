"""The README is true: its links lead somewhere, its examples run; its tables are `site/test_report.py`'s."""

import re
import runpy
import shlex
from pathlib import Path

import pandas as pd
import pytest
import yaml

from notmiwae.cli.main import main
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


def test_it_is_short() -> None:
    """Its prose: blocks of code and the table of results apart."""
    prose = re.sub(r"```.*?```|<!--.*?<!-- end of[^>]*-->", "", README, flags=re.S)
    assert len(prose.split()) <= 900


def test_the_graph_of_the_pipelines_page_has_its_stages() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    page = (ROOT / "docs/pipeline.md").read_text(encoding="utf-8")
    graph = page.split("```mermaid\nflowchart LR")[1].split("```")[0]
    assert set(re.findall(r"\w+", graph)) == set(stages)


def test_its_make_targets_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([\w-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.parametrize("page", ["README.md", "docs/pipeline.md"])
def test_the_dials_that_are_turned_are_there(page: str, committed: Path) -> None:
    # As they are committed: who has followed the page has turned them.
    text, params = ((committed / name).read_text(encoding="utf-8") for name in (page, "params.yaml"))
    for pattern in re.findall(r"replace\('([^']+)'", text):
        assert params.count(pattern) == 1
    dials = re.findall(r"-S '?([\w.]+)=", text)
    assert dials
    for key in dials:
        value = yaml.safe_load(params)
        for part in key.split("."):
            value = value[part]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to run examples in, where training is short; the examples show what is typed, not figures."""
    monkeypatch.setattr(
        "notmiwae.estimators.miwae_imputer.training", lambda rows, steps, *more: training(rows, 20, *more)
    )
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
    printed = between("```text", "```").splitlines()
    assert printed[0].split() == list(completed.columns)
    assert [int(line.split()[0]) for line in printed[1:]] == completed.tail(3).index.tolist()


def test_its_commands_run_as_printed(quick: Path) -> None:
    (block,) = [each for each in re.findall(r"```sh\n(.*?)```", README, re.S) if "notmiwae impute" in each]
    for line in block.replace("\\\n", "").splitlines():
        program, *arguments = shlex.split(line)
        assert program == "notmiwae"
        assert main(arguments) == 0
    completed, draws = pd.read_csv("completed.csv"), pd.read_csv("draws.csv")
    assert completed["wage"].notna().all()
    assert draws.groupby(".imp").size().tolist() == [753] * 21
    assert Path("patterns.png").stat().st_size


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
