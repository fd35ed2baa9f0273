"""The committed example is what the page on wages says: the command that it prints."""

import html
import re
import shlex
from pathlib import Path

from notmiwae.cli.main import main
from notmiwae.estimators.defaults import training

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/wages_report.html"


def printed() -> list[str]:
    (block,) = re.findall(
        r"^```sh\n(.*?)```", (ROOT / "docs/wages.md").read_text(encoding="utf-8"), re.S | re.M
    )
    return shlex.split(block.replace("\\\n", " "))


def written(page: Path) -> list[str]:
    (command,) = re.findall(r"<pre[^>]*><code>(.*?)</code>", page.read_text(encoding="utf-8"), re.S)
    return shlex.split(html.unescape(command))


def test_the_printed_command_made_the_example():
    assert written(PAGE) == printed()


def test_the_printed_command_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "notmiwae.estimators.miwae_imputer.training", lambda rows, steps, *more: training(rows, 20, *more)
    )
    monkeypatch.setattr("notmiwae.estimators.comparison.training", lambda rows, steps: training(rows, 20))
    for name in ("data", "docs"):
        (tmp_path / name).mkdir()
    (tmp_path / "data/examples").symlink_to(ROOT / "data/examples")
    monkeypatch.chdir(tmp_path)
    # What other processes train isn't shortened.
    monkeypatch.setattr("notmiwae.cli.input_checks.JOBS", 1)
    assert main(printed()[1:]) == 0
    made = tmp_path / "docs/wages_report.html"
    headings = [re.findall(r"<h2[^>]*>(.*?)</h2>", page.read_text(encoding="utf-8")) for page in (made, PAGE)]
    assert headings[0] == headings[1]
