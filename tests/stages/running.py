"""Runs the real stage scripts, for the tests of both pipelines."""

import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGES = ROOT / "stages"
TOOLS = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
"""An environment in which `python` is the one that runs the tests."""


def run(folder: Path, name: str, *arguments: str) -> None:
    """Run a stage script in this process, as `python stages` does."""
    before = Path.cwd(), sys.argv
    os.chdir(folder)
    sys.argv = [name, *arguments]
    try:
        runpy.run_path(str(ROOT / "stages" / f"{name}.py"), run_name="__main__")
    finally:
        os.chdir(before[0])
        sys.argv = before[1]
