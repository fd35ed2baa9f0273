"""How long `notmiwae impute` takes for a large mixed table, and how much memory: by default 100,000 × 30.

    python benchmarks/large_table.py [--rows 100000] [-o FILE]

Eighteen columns of reals, four of counts, four of two names and four of four names follow six latent
factors; high values of half of the columns go missing, and a fifth of three others. Memory is that of the
command and the processes that it starts, pages that they share counted once (PSS), looked at every half
second.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from pages import markdown

RESULT = Path(__file__).parent / "results" / "large_table.csv"
LATENTS, REALS, COUNTS, PAIRS, NAMES = 6, 18, 4, 4, 4


def table(rows: int) -> pd.DataFrame:
    """The table with its gaps."""
    draw = np.random.default_rng(1)
    width = REALS + COUNTS + PAIRS + NAMES
    factors, loadings = draw.normal(size=(rows, LATENTS)), draw.normal(size=(LATENTS, width))
    values = factors @ loadings / LATENTS**0.5 + 0.5 * draw.normal(size=(rows, width))
    reals, counts, pairs, names = np.split(values, np.cumsum([REALS, COUNTS, PAIRS]), axis=1)
    columns = {f"real_{j}": each for j, each in enumerate(reals.T.round(4))}
    columns |= {f"count_{j}": each for j, each in enumerate(np.floor(np.exp(0.6 * counts.T + 1)))}
    columns |= {f"pair_{j}": np.where(each > 0, "yes", "no") for j, each in enumerate(pairs.T)}
    columns |= {
        f"name_{j}": np.array(list("abcd"))[np.digitize(each, [-1, 0, 1])] for j, each in enumerate(names.T)
    }
    frame = pd.DataFrame(columns)
    for j, name in enumerate(frame.columns[: width // 2]):
        frame.loc[values[:, j] > 0.8, name] = np.nan
    for name in ("count_0", "pair_0", "name_0"):
        frame.loc[draw.random(rows) < 0.2, name] = None
    return frame


def memory(process: psutil.Process) -> int:
    """Bytes of a process and of those that it started."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        # It may have ended just now.
        with contextlib.suppress(psutil.Error):
            total += each.memory_full_info().pss
    return total


def main() -> None:
    """Make the table, impute it, print and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="default: 100,000")
    parser.add_argument(
        "--missing-process", default="unknown", metavar="WORD", help="as of `notmiwae impute`"
    )
    parser.add_argument("-o", "--output", type=Path, default=RESULT, help="where the figures go")
    typed = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, completed = Path(folder) / "table.csv", Path(folder) / "completed.csv"
        frame = table(typed.rows)
        frame.to_csv(path, index=False)
        command = ["notmiwae", "impute", path, "-o", completed, "--missing-process", typed.missing_process]
        started, peak = time.perf_counter(), 0
        with subprocess.Popen(command) as running:
            while running.poll() is None:
                peak = max(peak, memory(psutil.Process(running.pid)))
                time.sleep(0.5)
        seconds = time.perf_counter() - started
        if running.returncode:
            sys.exit(f"error: the command ended with status {running.returncode}")
        assert pd.read_csv(completed).notna().all(axis=None)
    figures = {
        "rows": typed.rows,
        "columns": frame.shape[1],
        "missing_cells": int(frame.isna().to_numpy().sum()),
        "missing_process": typed.missing_process,
        "seconds": round(seconds, 1),
        "peak_memory_mib": round(peak / 2**20),
    }
    print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    typed.output.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([figures]).to_csv(typed.output, index=False)
    typed.output.with_suffix(".md").write_text(markdown(pd.DataFrame([figures])), encoding="utf-8")


if __name__ == "__main__":
    main()
