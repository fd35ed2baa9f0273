"""(d) Five replicates: one after the other, as one (a stack), in two processes, and two stacks in two.

    python benchmarks/replicates.py

Training of the default's single model, in times of one replicate's seconds, measured in one run.
"""

from collections.abc import Callable

from common import fastest, settings, table, write
from joblib import Parallel, delayed

from notmiwae.training.fit import fit_together

COUNT, STEPS = 5, 300


def train(name: str, seeds: list[int]) -> None:
    """Train models of a table as one."""
    network, recipe = settings()
    _, masked = table(name)
    training = recipe.training.model_copy(update={"steps": STEPS, "together": len(seeds)})
    values = masked.to_numpy()
    fit_together(
        [values] * len(seeds), tuple(masked.columns), network, recipe.missing_process, training, seeds
    )


def ways(name: str, parallel: Parallel) -> dict[str, Callable[[], object]]:
    """How five models may be trained."""
    seeds = list(range(COUNT))
    one_process = delayed(train)
    return {
        "one alone": lambda: train(name, [0]),
        "one after the other": lambda: [train(name, [seed]) for seed in seeds],
        "as one": lambda: train(name, seeds),
        "two processes": lambda: parallel(one_process(name, [seed]) for seed in seeds),
        "two processes, as one in each": lambda: parallel(
            one_process(name, some) for some in (seeds[:3], seeds[3:])
        ),
    }


def main() -> None:
    """Measure three tables."""
    rows = []
    with Parallel(n_jobs=2) as parallel:
        parallel(delayed(train)("banknote", [0]) for _ in range(2))  # processes start
        for name in ("banknote", "red", "breast"):
            taken = {way: fastest(run, 2) for way, run in ways(name, parallel).items()}
            rows += [
                {"table": name, "way": way, "seconds": each, "times_one": each / taken["one alone"]}
                for way, each in taken.items()
            ]
    write("replicates", rows)


if __name__ == "__main__":
    main()
