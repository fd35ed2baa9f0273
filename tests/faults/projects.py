"""Repositories for the tests of faults: a toy of one stage, and the real pipeline at a small size."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from pipelines import tiny
from study.reporting.environment import environment
from study.reproduction.checkout import repositories

ROOT = Path(__file__).parents[2]
TOOLS = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
NOBODY = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.invalid"]


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    command = ["git", *NOBODY, *arguments]
    return subprocess.run(command, cwd=folder, env=TOOLS, check=True, capture_output=True, text=True).stdout


def dvc(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run DVC in a folder, whose own code the stages take."""
    found = TOOLS | {"PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=folder, env=found, check=check, capture_output=True, text=True)


def commit(folder: Path) -> None:
    """Commit all that is there."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "state")


TOY = """
stages:
  oracle:
    matrix: {dataset: [gaussian]}
    cmd: python make.py
    params: [seed]
    deps: [make.py, table.csv]
    outs:
      - data/made.csv
      - reports/results.csv: {cache: false}
  train:
    matrix: {dataset: [gaussian-notmiwae]}
    cmd: echo 1 > data/other.csv
    outs: [data/other.csv]
"""
PAPER = """
stages:
  mask:
    cmd: cp ../table.csv masked.csv
    deps: [../table.csv]
    outs: [masked.csv]
  train:
    cmd: cp masked.csv model.csv
    deps: [masked.csv]
    outs: [model.csv]
"""
"""A pipeline in a DVC repository of its own, which no check runs again: its lock tells all."""
MAKE = """
import numpy as np
import yaml
from pathlib import Path
seed = yaml.safe_load(Path("params.yaml").read_text())["seed"]
draw = np.random.default_rng(seed)
Path("data").mkdir(exist_ok=True)
value = float(Path("table.csv").read_text()) + draw.normal()
Path("data/made.csv").write_text(f"{value}")
Path("reports/results.csv").write_text(f"dataset,method,metric,mean,se,replicates\\ngaussian,knn,rmse,{value},0,1\\n")
"""


def toy(folder: Path) -> Path:
    """A repository with a pipeline of one stage, run and committed."""
    folder.mkdir()
    (folder / "reports").mkdir()
    for name, content in {
        "dvc.yaml": TOY,
        "make.py": MAKE,
        "table.csv": "1.5",
        "params.yaml": "seed: 1\nreproduction: {relative: 0.03, absolute: 0.01, pixels: 0.02}\n",
        "reports/environment.json": json.dumps(environment()),
    }.items():
        (folder / name).write_text(content)
    git(folder, "init", "--quiet")
    dvc(folder, "init", "--quiet")
    dvc(folder, "repro", "--quiet")
    paper = folder / "paper"
    paper.mkdir()
    (paper / "dvc.yaml").write_text(PAPER)
    dvc(paper, "init", "--subdir", "--quiet")
    dvc(paper, "repro", "--quiet")
    commit(folder)
    return folder


TARGET = "impute@gaussian-notmiwae"
"""A stage of the real pipeline; with those before it it makes `MADE`."""
MADE = (
    "data/complete/gaussian",
    "data/masked/gaussian",
    "models/notmiwae/gaussian",
    "reports/curves/notmiwae/gaussian.csv",
    "data/imputed/notmiwae/gaussian",
    "dvc.lock",
)


def small(folder: Path) -> Path:
    """A repository with the real pipeline at a small size and one data set; nothing has run yet."""
    # Without the other pipelines, which are repositories of their own.
    without = ("reports/", *(f"{name}/" for name in repositories(ROOT)[1:]))
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file() and not name.startswith(without):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / "reports").mkdir()
    shutil.copy(ROOT / "reports/published.csv", folder / "reports")
    (folder / "dvc.lock").unlink()
    params = tiny(yaml.safe_load((ROOT / "params.yaml").read_text()))
    params["run"] |= {"datasets": ["gaussian"], "oracles": []}
    # Two processes train, long enough to be hit.
    params["compute"]["workers"] = 2
    params["recipes"]["gaussian"]["training"] |= {"steps": 300, "together": 1}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def made(folder: Path) -> dict[str, bytes]:
    """What the stages up to `TARGET` made, and nothing that a run should have taken away."""
    files = [path for name in MADE for path in _files(folder / name)]
    left = [path for top in ("data", "models", "reports") for path in (folder / top).rglob(".*.tmp")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in [*files, *left]}


def _files(path: Path) -> list[Path]:
    return [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
