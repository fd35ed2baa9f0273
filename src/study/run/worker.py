"""Starts a worker of a Dask cluster that computes what this machine would, to the bit.

    python -m study.run.worker tcp://HOST:8786 [OPTION OF `dask worker` …]

Run it where the project's folder and its environment are at the same place as for whoever runs the pipeline.
"""

import os
import sys

from study.run.process_env import PINS


def main() -> int:
    """Become `dask worker`, with one thread; the exit status is 2 without an address."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print("usage: python -m study.run.worker ADDRESS [OPTION OF dask worker ...]", file=sys.stderr)
        return 2
    options = ["--nthreads", "1", "--no-dashboard"]
    arguments = [sys.executable, "-m", "distributed.cli.dask_worker", *sys.argv[1:], *options]
    os.execve(sys.executable, arguments, os.environ | PINS)


if __name__ == "__main__":
    sys.exit(main())
