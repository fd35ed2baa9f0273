"""Runs one stage of the pipeline: `python stages NAME [ARGUMENT …]` runs `stages/NAME.py`.

It does what every stage needs before the stage's own imports: pins threads and instruction set, so that the
same machine gives the same bits; ties the process's life to its parent's, so that a killed `dvc repro` leaves
no orphan to overwrite the next run's outputs; and turns an error that a user can act on into one line.
"""

import errno
import os
import runpy
import sys
from pathlib import Path

from notmiwae.errors import NotMIWAEError
from study.run.process_env import PINS, SCHEDULER, die_with_parent

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
"""What a disk says when it can't be written, which a user can mend; any other such error is our mistake."""
STAGES = Path(__file__).resolve().parents[3] / "stages"


def main() -> int:
    """Run the stage that the command line names; the exit status is 1 after an error."""
    if len(sys.argv) < 2:
        print("usage: python stages NAME [ARGUMENT ...] [--scheduler ADDRESS]", file=sys.stderr)
        return 2
    name, *arguments = sys.argv[1:]
    if "--scheduler" in arguments[:-1]:
        at = arguments.index("--scheduler")
        os.environ[SCHEDULER] = arguments.pop(at + 1)
        arguments.pop(at)
    script = STAGES / f"{name}.py"
    if not script.is_file():
        found = ", ".join(sorted(path.stem for path in STAGES.glob("[!_]*.py")))
        print(f"error: no stage {name!r} in {STAGES}; accepted: {found}", file=sys.stderr)
        return 2
    die_with_parent()
    os.environ.update(PINS)
    sys.argv = [str(script), *arguments]
    what = f"{name} {' '.join(arguments)}"
    try:
        runpy.run_path(str(script), run_name="__main__")
    except NotMIWAEError as error:
        print(f"error: {what}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in _DISK:
            raise
        print(f"error: {what}: {error}; nothing half-written", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted: {what}; nothing half-written", file=sys.stderr)
        return 130
    return 0
