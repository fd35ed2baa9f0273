"""(c) Time and peak memory against rows, columns and importance samples.

    python benchmarks/scaling.py

Each size in a process of its own: one epoch of training (batches of 256, one model), then the imputation of
all rows with the default's samples. Memory is the process's largest resident set, the table included.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path

from common import fastest, normal_table, plain, seconds, settings, write
from matplotlib.figure import Figure

from notmiwae.imputation import impute_together
from notmiwae.plot_style import SERIES, figure, styled
from notmiwae.training.fit import fit_together

ROWS = [1_000, 10_000, 100_000, 250_000, 500_000, 1_000_000]
COLUMNS = [5, 20, 80, 320]
SAMPLES = [1, 5, 20, 80]
BATCH = 256


def measured(rows: int, columns: int, samples: int) -> dict:
    """Seconds and memory of one size, in this process."""
    network, recipe = settings()
    network = network.model_copy(update={"latent_size": min(20, columns - 1)})
    values = normal_table(rows, columns).to_numpy()
    names = tuple(f"x_{j}" for j in range(columns))
    steps = max(1, (rows - min(1000, rows // 10)) // BATCH)
    changed = {"steps": steps, "check_every": steps, "batch_size": BATCH, "samples": samples}
    training = recipe.training.model_copy(update=changed)
    fits = []
    epoch = fastest(
        lambda: fits.extend(fit_together([values], names, network, recipe.missing_process, training, [1])), 2
    )
    spec = recipe.imputation.model_copy(update={"draws": 0})
    imputing = seconds(lambda: impute_together([fits[0].fitted], values, spec, 1))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": rows,
        "columns": columns,
        "samples": samples,
        "epoch_seconds": epoch,
        "impute_seconds": imputing,
        "peak_memory_mib": memory,
    }


def apart(rows: int, columns: int, samples: int) -> dict:
    """The same in a new process."""
    command = [sys.executable, Path(__file__).resolve(), str(rows), str(columns), str(samples)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout)
    print(found, flush=True)
    return found


@styled
def drawn(by_rows: list[dict], by_columns: list[dict], by_samples: list[dict]) -> Figure:
    """The rows as a figure."""
    page = figure(4.2)
    upper, lower = page.subplots(2, 3, sharex="col")
    panels = [("rows", by_rows), ("columns", by_columns), ("samples", by_samples)]
    for times, memory, (name, found) in zip(upper, lower, panels, strict=True):
        sizes = [each[name] for each in found]
        for metric, label, look in (
            ("epoch_seconds", "an epoch", SERIES[0]),
            ("impute_seconds", "imputation", SERIES[1]),
        ):
            times.loglog(sizes, [each[metric] for each in found], label=label, **look)
        memory.semilogx(sizes, [each["peak_memory_mib"] / 1024 for each in found], **SERIES[6])
        memory.set_ylim(0, 1.1 * max(each["peak_memory_mib"] for each in found) / 1024)
        memory.set_xlabel({"rows": "rows N", "columns": "columns D", "samples": "importance samples K"}[name])
        for axes in (times, memory):
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(axis="y")
        plain(times.yaxis)
        plain(memory.xaxis)
    upper[0].set_ylabel("seconds")
    lower[0].set_ylabel("peak memory, GiB")
    upper[0].set_title("20 columns, K = 5")
    upper[1].set_title("10,000 rows, K = 5")
    upper[2].set_title("10,000 rows, 20 columns")
    page.legend(*upper[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return page


def main() -> None:
    """Measure all sizes."""
    if len(sys.argv) > 1:
        print(json.dumps(measured(*map(int, sys.argv[1:]))))
        return
    by_rows = [apart(rows, 20, 5) for rows in ROWS]
    by_columns = [apart(10_000, columns, 5) for columns in COLUMNS]
    by_samples = [apart(10_000, 20, samples) for samples in SAMPLES]
    write("scaling", by_rows + by_columns + by_samples, drawn(by_rows, by_columns, by_samples))


if __name__ == "__main__":
    main()
