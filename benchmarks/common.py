"""What the benchmarks share: pinned threads, the paper's settings and tables, and where results go."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from pages import markdown

from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.plot_style import save
from notmiwae.randomness import generator
from notmiwae.training.recipe import RecipeSpec
from study.data.datasets import DatasetSpec
from study.run.pipeline import model_section, section
from study.run.process_env import PINS

HERE = Path(__file__).resolve().parent
if Path(sys.argv[0]).resolve().parent == HERE and PINS.items() - os.environ.items():
    # Threads and instruction set are read when libraries load: a script starts again with those of the
    # stages. A cluster's worker that imports this has its own.
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | PINS)
ROOT = HERE.parent
RESULTS = HERE / "results"
os.chdir(ROOT / "paper")  # paths in its params.yaml are relative to it

TABLES = ("banknote", "concrete", "red", "white", "yeast", "breast")
SEED = 1


def settings(model: str = "notmiwae_known") -> tuple[ModelSpec, RecipeSpec]:
    """Networks and recipe of one of the paper's models, as paper/params.yaml has them."""
    recipe = model_section(RecipeSpec, model, TABLES[0])
    return section(ModelSpec, f"networks.{recipe.network}"), recipe


def table(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One of the six tables, complete and with high values of half of its columns missing."""
    dataset = section(DatasetSpec, f"datasets.{name}")
    complete = dataset.source.draw(generator(SEED, "generate", 0))
    return complete, apply_mechanism(dataset.mechanism, complete, generator(SEED, "mask", 0))


def normal_table(rows: int, columns: int) -> pd.DataFrame:
    """Correlated Gaussian columns, of which half lose what is above the mean."""
    draw = np.random.default_rng(SEED)
    factors = max(1, columns // 2)
    values = draw.normal(size=(rows, factors)) @ draw.normal(size=(factors, columns)) / factors**0.5
    values += 0.5 * draw.normal(size=values.shape)
    values = (values - values.mean(0)) / values.std(0)
    half = values[:, : max(1, columns // 2)]
    half[half > 0] = np.nan
    return pd.DataFrame(values, columns=[f"x_{j}" for j in range(columns)])


def seconds(function: Callable[[], Any]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def fastest(function: Callable[[], Any], repeats: int = 5) -> float:
    """The shortest of several calls: what else runs on a shared machine only adds."""
    return min(seconds(function) for _ in range(repeats))


def rmse(imputed: np.ndarray, complete: pd.DataFrame, masked: pd.DataFrame) -> float:
    """Over the missing cells."""
    missing = masked.isna().to_numpy()
    return float(np.sqrt(np.mean((imputed - complete.to_numpy())[missing] ** 2)))


def plain(axis: Axis) -> None:
    """Give a logarithmic axis numbers as people write them: 0.1, 10, 1,000."""
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}")


def write(name: str, rows: list[dict[str, Any]], drawn: Figure | None = None) -> None:
    """Print the rows, and write them and a figure into `results/`."""
    frame = pd.DataFrame(rows)
    print(frame.to_string(index=False))
    RESULTS.mkdir(exist_ok=True)
    frame.to_csv(RESULTS / f"{name}.csv", index=False, float_format="%.4g")
    (RESULTS / f"{name}.md").write_text(markdown(frame), encoding="utf-8")
    if drawn is not None:
        save(drawn, RESULTS / f"{name}.png")
