"""What `python stages --help` and `python -m study.site --help` print; they do nothing else."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_stages_are_listed_with_what_they_do() -> None:
    shown = subprocess.run(
        [sys.executable, ROOT / "stages", "--help"], capture_output=True, text=True, check=True
    ).stdout
    listed = dict(line.split(maxsplit=1) for line in shown.splitlines() if line.startswith("  "))
    assert set(listed) == {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}
    assert all(said.endswith(".") for said in listed.values())


def test_help_of_the_page_writes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "study.site", "--help"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: python -m study.site")
    assert not list(tmp_path.iterdir())
