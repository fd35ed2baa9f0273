"""A search that takes a second or two: few rows, few steps, the root pipeline's own params.yaml otherwise."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.trial import FrozenTrial

from study.run.pipeline import compute
from study.search.sweep_spec import Sweep, read_sweep
from study.search.trial_batches import run_sweep
from study.search.trial_storage import open_storage

ROOT = Path(__file__).parents[2]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text()) | yaml.safe_load(
    (ROOT / "sweep/gaussian/params.yaml").read_text()
)
del PARAMS["extends"]
TRIALS, AT_ONCE = 8, 3
"""The last batch isn't a whole one."""


def tiny(**changes: Any) -> dict[str, Any]:
    """The params.yaml of a small search, with changes to its section."""
    params: dict[str, Any] = copy.deepcopy(PARAMS)
    params["compute"] = {"workers": 1}
    params["datasets"]["gaussian"]["source"]["rows"] = 60
    recipe = params["recipes"]["gaussian"]
    recipe["training"] |= {"steps": 12, "check_every": 3, "validation_samples": 5}
    recipe["imputation"] |= {"samples": 8, "draws": 4}
    params["sweep"] |= {
        "replicates": 2,
        "trials": TRIALS,
        "at_once": AT_ONCE,
        "startup": 4,
        "pruning": {"startup": 2, "percentile": 50, "warm_up": 3},
        "patience": 20,
    } | changes
    return params


def write(folder: Path, params: dict[str, Any]) -> Path:
    """A folder with that params.yaml."""
    folder.mkdir(exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return folder


def found_alone(folder: Path) -> tuple[Sweep, list[FrozenTrial]]:
    """The small search run in a folder by one process, on a file: itself and its trials."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(write(folder, tiny()))
        sweep = read_sweep()
        storage = open_storage(None, folder / "a.journal", sweep.name())
        return sweep, run_sweep(sweep, storage, False, compute())
