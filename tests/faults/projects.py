"""Repositories for the tests of faults: a toy of one stage, and the real pipeline at a small size."""

import json
import os
import subprocess
import sys
from pathlib import Path

from notmiwae.reporting.environment import environment

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
  evaluate:
    matrix: {dataset: [gaussian]}
    cmd: python make.py
    params: [seed]
    deps: [make.py, table.csv]
    outs:
      - data/made.csv
      - reports/results.csv: {cache: false}
"""
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
    commit(folder)
    return folder
