"""Runs one stage: `python stages NAME [ARGUMENT …]` runs `NAME.py` of this folder.

The package is imported from beside this folder, whichever is installed: a queued experiment or another
worktree runs the code that its `dvc.lock` records.
"""

import sys
from pathlib import Path

# In place of this folder, whose scripts aren't to be imported.
sys.path[0] = str(Path(__file__).resolve().parents[1] / "src")

from study.run.stage import main  # noqa: E402 - after the path that it's to come from

sys.exit(main())
