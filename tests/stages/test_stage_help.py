"""What `python stages --help` and `python -m study.site --help` print; they do nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("stage", ["generate", "mask", "baseline", "oracle", "report", "ladder_tables"])
def test_a_stage_that_trains_nothing_starts_without_torch(stage: str) -> None:
    """PyTorch takes longer to start than most of these take to run."""
    started = "import runpy, sys; sys.argv = ['stages', sys.argv[1], '--help']\n" + (
        "try: runpy.run_path('stages/__main__.py', run_name='__main__')\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", started, stage], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert shown.splitlines()[-1] == "False"
