"""What a maintainer adds is one file and a name in params.yaml: the real pipeline then runs it."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT, TOOLS

from pipelines import tiny

PROCESS = '''
"""Missing on three sides: outside [-u, u], and in a strip around 0."""

import torch
from torch import nn

from notmiwae.model.missing_process.missing_process import ProcessSpec, processes
from notmiwae.model.missing_process.separable import SeparableProcess


class ThreeSidedProcess(SeparableProcess):
    def __init__(self, columns):
        super().__init__(columns)
        self.edge = nn.Parameter(torch.ones(len(columns)))

    def log_missing(self, x):
        return torch.log(0.1 + 0.8 * (torch.sigmoid(x.abs() - self.edge) + torch.sigmoid(-9 * x.abs())) / 2)


@processes.register("three_sided")
class ThreeSidedSpec(ProcessSpec):
    def build(self, columns, x, s, features=None):
        return ThreeSidedProcess(columns)
'''
BASELINE = '''
"""The column's median."""

import numpy as np

from study.baselines.baseline import Baseline, baselines


@baselines.register("median")
class Median(Baseline):
    def _impute(self, values, seed):
        return np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
'''
SOURCE = '''
"""Two half circles."""

import numpy as np
import pandas as pd
from pydantic import PositiveInt
from sklearn.datasets import make_moons

from study.data.sources.source import Source, sources


@sources.register("two_moons")
class TwoMoons(Source):
    rows: PositiveInt

    def draw(self, generator):
        points, _ = make_moons(self.rows, noise=0.05, random_state=int(generator.integers(2**31)))
        return pd.DataFrame(points, columns=["x_1", "x_2"])
'''
MECHANISM = '''
"""A value goes missing where it and its neighbour add up to much."""

from notmiwae.mechanisms.mechanism import Mechanism, mechanisms


@mechanisms.register("large_sum")
class LargeSum(Mechanism):
    above: float

    def drivers(self):
        return ("x_2",)

    def _probability(self, table, targets):
        return (table.sum(axis=1) > self.above).to_numpy()[:, None].repeat(len(targets), axis=1)
'''
METRIC = '''
"""Mean absolute error."""

import numpy as np

from study.evaluation.metrics.metric import Metric, metrics


@metrics.register("mae")
class MAE(Metric):
    def value(self, table):
        return float(np.mean(np.abs(table.mean - table.truth)))
'''
OBSERVATION = '''
"""The Laplace observation model."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from notmiwae.model.distributions import Likelihood, Nodes, features_at, over, pick, places_between
from notmiwae.model.noise import uniform
from notmiwae.model.observation.observation_model import ObservationSpec, observations


@observations.register("laplace")
class LaplaceSpec(ObservationSpec):
    def build(self, features):
        return LaplaceObservation(features)


class LaplaceObservation(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(features))

    def forward(self, decoded):
        return Laplace(decoded, self.log_scale.exp())


@dataclass(frozen=True)
class Laplace(Likelihood):
    mean: Tensor
    scale: Tensor

    def log_prob(self, x, s):
        return -(s * ((x - self.mean).abs() / self.scale + (2 * self.scale).log())).sum(-1)

    def score(self, x, s):
        return 0.0

    def sample(self, generator):
        u = (uniform(self.mean, generator) - 0.5).to(self.mean.dtype)
        return self.mean - self.scale * u.sign() * torch.log1p(-2 * u.abs())

    def columns(self, index):
        return Laplace(self.mean.index_select(-1, index), features_at(self.scale, index))

    def pick(self, chosen):
        return Laplace(pick(self.mean, chosen), self.scale)

    def nodes(self, count):
        def at(places):
            return self.mean + self.scale * places

        places = places_between(-15.0, 15.0, count, self.mean)
        return Nodes(at(over(places, self.mean)), over((-places.abs()).log_softmax(0), self.mean), places, at)
'''
DROPPED = {
    "src/notmiwae/model/missing_process/three_sided.py": PROCESS,
    "src/notmiwae/model/observation/laplace.py": OBSERVATION,
    "src/study/baselines/median.py": BASELINE,
    "src/study/data/sources/two_moons.py": SOURCE,
    "src/notmiwae/mechanisms/large_sum.py": MECHANISM,
    "src/study/evaluation/metrics/mae.py": METRIC,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with these files and the entries that name them, its pipeline run."""
    folder = tmp_path_factory.mktemp("dropped")
    for name in ("src", "stages", "dvc.yaml", ".dvcignore", "requirements.lock", "reports/published.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "data/mnist").mkdir(parents=True)  # what figures depend on, whatever the data sets
    for name, text in DROPPED.items():
        assert not (folder / name).exists()
        (folder / name).write_text(text, encoding="utf-8")
    params = tiny(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    params["datasets"]["moons"] = {
        "source": {"kind": "two_moons", "rows": 80},
        "mechanism": {"kind": "large_sum", "columns": ["x_1"], "above": 0.9},
        "replicates": 2,
    }
    params["networks"]["moons"] = params["networks"]["ring"] | {"observation": {"kind": "laplace"}}
    params["recipes"]["moons"] = params["recipes"]["ring"] | {"members": 1}
    params["models"]["notmiwae"]["moons"] = {"missing_process": {"kind": "three_sided"}}
    params["models"]["miwae"]["moons"] = {"missing_process": {"kind": "ignorable"}}
    params["baselines"]["median"] = {"kind": "median"}
    params["run"] = {
        "datasets": ["moons"],
        "models": ["notmiwae", "miwae"],
        "estimators": [],
        "baselines": ["mean", "median"],
        "oracles": [],
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    for command in (["init", "--no-scm", "--quiet"], ["repro", "--quiet"]):
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *command],
            cwd=folder,
            env=TOOLS | {"PYTHONPATH": str(folder / "src")},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    return folder


def values(project: Path, method: str, metric: str) -> pd.Series:
    rows = pd.read_csv(project / "reports/replicates.csv")
    return rows[(rows["method"] == method) & (rows["metric"] == metric)].set_index("replicate")["value"]


def test_the_results_have_all_that_was_dropped_in(project: Path) -> None:
    results = pd.read_csv(project / "reports/results.csv")
    assert results["dataset"].unique().tolist() == ["moons"]
    assert results["method"].unique().tolist() == ["notmiwae", "miwae", "mean", "median"]
    assert (results.query("metric == 'mae'")["mean"] > 0).all()
    assert len(results.query("metric == 'mae'")) == 4


def test_the_mechanism_made_values_missing_in_the_sources_tables(project: Path) -> None:
    for replicate in range(2):
        complete = pd.read_parquet(project / f"data/complete/moons/{replicate:03d}.parquet")
        masked = pd.read_parquet(project / f"data/masked/moons/{replicate:03d}.parquet")
        assert len(complete) == 80
        assert (masked["x_1"].isna() == (complete.sum(axis=1) > 0.9)).all()


def test_the_baseline_and_the_metric_are_what_their_files_say(project: Path) -> None:
    for replicate, found in values(project, "median", "mae").items():
        complete = pd.read_parquet(project / f"data/complete/moons/{replicate:03d}.parquet")["x_1"]
        masked = pd.read_parquet(project / f"data/masked/moons/{replicate:03d}.parquet")["x_1"]
        expected = np.abs(complete[masked.isna()] - masked.median()).mean()
        assert found == pytest.approx(expected, rel=1e-4)


def test_the_process_was_trained_and_is_drawn(project: Path) -> None:
    assert values(project, "notmiwae", "mask_accuracy").between(0, 1).all()
    assert values(project, "miwae", "mask_accuracy").empty
    assert list((project / "reports/figures/moons").glob("*.png"))
