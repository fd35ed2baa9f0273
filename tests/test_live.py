"""Curves of jobs while they run: each step that was reported, and nothing of the pipeline changed."""

import sys
import time

import pandas as pd
import pytest
import yaml

from notmiwae.errors import ParameterError
from study.run.parallel import ComputeSpec, run_jobs


def job(number, report):
    for step in (10, 20, 30):
        report(step, 30, number + step / 100)
        time.sleep(0.5)
    return number


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVCLIVE_OPEN", "false")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    return tmp_path


@pytest.mark.parametrize("workers", [1, 2])
def test_dvclive_draws_every_job(folder, workers):
    compute = ComputeSpec(workers=workers, log="dvclive")
    assert run_jobs(job, [(1,), (2,)], compute, "train a/b") == [1, 2]
    for number in range(2):
        found = pd.read_csv(folder / f"dvclive/train-a-b/plots/metrics/bound/{number}.tsv", sep="\t")
        assert found["step"].iloc[-1] == 30
        assert found["step"].is_monotonic_increasing
        values = number + 1 + found["step"] / 100
        assert found[str(number)].tolist() == pytest.approx(values.tolist())
    assert (folder / "dvc.yaml").read_text() == "stages: {}\n"
    assert "plots" in yaml.safe_load((folder / "dvclive/train-a-b/dvc.yaml").read_text())


def test_weights_and_biases_works_without_a_network(folder, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    assert run_jobs(job, [(1,)], ComputeSpec(workers=1, log="wandb"), "train") == [1]
    (written,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    # Its own process writes the file, some time after the job has ended.
    until = time.monotonic() + 60
    while b"0/bound" not in written.read_bytes() and time.monotonic() < until:
        time.sleep(0.1)
    assert b"0/bound" in written.read_bytes()


def test_without_a_log_nothing_is_written(folder):
    run_jobs(job, [(1,)], ComputeSpec(workers=1), "train")
    assert sorted(path.name for path in folder.iterdir()) == ["dvc.yaml"]


@pytest.mark.parametrize("log", ["dvclive", "wandb"])
def test_a_missing_package_is_named(folder, monkeypatch, log):
    monkeypatch.setitem(sys.modules, {"dvclive": "dvclive.live"}.get(log, log), None)
    with pytest.raises(ParameterError, match=f"log {log}: not installed; `pip install {log}`"):
        run_jobs(job, [(1,)], ComputeSpec(workers=1, log=log), "train")
