"""(b) What a training step costs, and how much of it is matrix products.

    python benchmarks/step.py

At D columns with the default's D − 1 latents, and at the most columns with fewer: milliseconds a model and
step of a single model, of ten that are computed as one (a stack), and of that stack compiled by
`torch.compile`, if there is a compiler; the time of the step's matrix products alone at the speed of a large
one (a roofline); and the share of the time of all operations that matrix products take.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable

import torch
from common import normal_table, settings, write
from matplotlib.figure import Figure
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from notmiwae.model import not_miwae as latent
from notmiwae.model.bound import iwae_bound
from notmiwae.model.missing_process.by_column import build_process
from notmiwae.model.not_miwae import NotMIWAE
from notmiwae.plot_style import SERIES, figure, styled
from notmiwae.training.scaling import Scaling
from notmiwae.training.trainer import Trainer

ROWS, STACKED = 2000, 10
PRODUCTS = ("aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm")


class Clock(TorchDispatchMode):
    """Sums the seconds of each operation, with less ado than a profiler's, which slows what it measures."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        """Run an operation."""
        started = time.perf_counter()
        result = function(*args, **(kwargs or {}))
        self.seconds[function._schema.name] += time.perf_counter() - started
        return result

    def share(self, names: tuple[str, ...]) -> float:
        """Of some operations in the time of all."""
        return sum(self.seconds[name] for name in names) / self.seconds.total()


def ascent(columns: int, count: int, batch: int, latents: int) -> Trainer:
    """A training under way."""
    network, recipe = settings()
    network = network.model_copy(update={"latent_size": latents})
    values = normal_table(ROWS, columns).to_numpy()
    x, s = Scaling.of(values, [True] * columns).tensors(values)
    missing = torch.nonzero((s == 0).any(0)).flatten()
    models, names = [], tuple(f"x_{j}" for j in range(columns))
    for seed in range(count):
        torch.manual_seed(seed)
        process = build_process(recipe.missing_process, network.observation, missing, x, s, names)
        models.append(NotMIWAE(network, columns, process))
    changed = {"steps": 10**9, "check_every": 10**9, "batch_size": batch}
    training = recipe.training.model_copy(update=changed)
    return Trainer(models, [(x, s)] * count, training, range(count), 0)


def milliseconds(step: Callable[[], object], number: int = 5, repeats: int = 20) -> float:
    """Of the fastest of several runs of a few steps."""
    step()
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(number):
            step()
        best = min(best, (time.perf_counter() - started) / number * 1e3)
    return best


def peak() -> float:
    """Operations a millisecond of a large matrix product on this thread."""
    one, other = torch.randn(2, 1024, 1024)
    return 2 * 1024**3 / milliseconds(lambda: one @ other, 3, 10)


def compiled(running: Trainer) -> tuple[Callable[[], object], float] | None:
    """The same step compiled, and how long that took; None without a compiler."""
    stack, samples = running._stack, running._training.samples
    x, s = running._batch()

    def loss(networks: torch.Tensor, process: torch.Tensor) -> torch.Tensor:
        original, latent.normal = latent.normal, lambda like, generator: torch.randn(like.shape)
        try:
            call = torch.vmap(stack._call, in_dims=(0, 0, 0, None, None), randomness="different")
            terms = call(stack._named([networks, process]), x, s, samples, None)
        finally:
            latent.normal = original
        return -iwae_bound(terms.log_weights().transpose(0, 1)).mean(-1).sum()

    # As shapes, not as symbols that earlier sizes suggest: those it can't compile under vmap.
    fast = torch.compile(loss, dynamic=False)

    def step() -> None:
        running._optimiser.zero_grad()
        fast(stack.networks, stack.process).backward()
        running._optimiser.step()

    if shutil.which("c++") is None:
        return None
    started = time.perf_counter()
    step()
    return step, time.perf_counter() - started


def measured(columns: int, batch: int, latents: int, speed: float) -> dict:
    """One row of the table."""
    single, stack = (ascent(columns, count, batch, latents) for count in (1, STACKED))

    def step(running: Trainer = single) -> None:
        running._step += 1
        running._ascend()

    with FlopCounterMode(display=False) as counter:
        step()
    products = counter.get_total_flops() / speed
    row = {
        "columns": columns,
        "latents": latents,
        "batch": batch,
        "products_ms": products,
        "single_ms": milliseconds(step),
    }
    with Clock() as clock:
        for _ in range(20):
            step()
    row["single_share_in_products"] = clock.share(PRODUCTS)
    if columns < 100:
        row["stacked_ms"] = milliseconds(lambda: step(stack)) / STACKED
        found = compiled(stack)
        if found:
            row["compiled_ms"] = milliseconds(found[0]) / STACKED
            row["compile_seconds"] = found[1]
    for kind in ("single", "stacked", "compiled"):
        if f"{kind}_ms" in row:
            row[f"{kind}_over_products"] = row[f"{kind}_ms"] / products
    return row


@styled
def drawn(rows: list[dict]) -> Figure:
    """The rows as a figure."""
    page = figure(2.8, 5.0)
    axes = page.subplots()
    labels = [f"D = {row['columns']}\n{row['latents']} latents" for row in rows]
    named = [("single", "a single model"), ("stacked", "ten as one"), ("compiled", "ten as one, compiled")]
    for (kind, label), look in zip(named, SERIES, strict=False):
        chosen = [(name, row[f"{kind}_over_products"]) for name, row in zip(labels, rows, strict=True)
                  if f"{kind}_over_products" in row]  # fmt: skip
        if chosen:
            axes.plot(*zip(*chosen, strict=True), linestyle="none", label=label, **look)
    axes.axhline(1, color="#000000", linewidth=0.8)
    axes.annotate("matrix products alone", (0, 1), xytext=(0, 3), textcoords="offset points", fontsize=7.5)
    axes.set_yscale("log")
    axes.set_yticks([1, 2, 3, 5, 10, 20, 50], [f"{each} ×" for each in (1, 2, 3, 5, 10, 20, 50)])
    axes.set_ylabel("time of a step, in times of\nits matrix products")
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    page.legend(loc="outside upper center", ncols=3)
    return page


def main() -> None:
    """Measure all sizes."""
    speed = peak()
    print(f"{speed / 1e6:.0f} GFLOP/s on this thread")
    sizes = [(2, 64, 1), (11, 64, 10), (30, 64, 29), (784, 128, 783), (784, 128, 50)]
    rows = [measured(*size, speed) for size in sizes]
    write("step", rows, drawn(rows))


if __name__ == "__main__":
    main()
