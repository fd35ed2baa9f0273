"""Runs one stage: `python stages NAME [ARGUMENT …]` runs `NAME.py` of this folder.

The package is imported from beside this folder, whichever is installed: a queued experiment or another
worktree runs the code that its `dvc.lock` records. `python stages --help` lists the stages.
"""

import ast
import sys
from pathlib import Path


def listed() -> str:
    """List the stages with what each does, by the first lines of their scripts."""
    scripts = sorted(Path(__file__).parent.glob("[!_]*.py"))
    width = max(len(script.stem) for script in scripts)
    rows = []
    for script in scripts:
        said = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
        rows.append(f"  {script.stem:{width}}  {said.partition(chr(10))[0]}")
    usage = "usage: python stages NAME [ARGUMENT ...] [--scheduler ADDRESS]"
    return "\n".join([usage, "", "stages (`python stages NAME --help` lists a stage's arguments):", *rows])


if sys.argv[1:2] in (["-h"], ["--help"]):
    print(listed())
    sys.exit(0)

# In place of this folder, whose scripts aren't to be imported.
sys.path[0] = str(Path(__file__).resolve().parents[1] / "src")

from study.run.stage import main  # noqa: E402 - after the path that it's to come from

sys.exit(main())
