"""The real stage scripts on the benchmark's own params.yaml, small: `all` tables at once, and resumed."""

import copy
import hashlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT, run

from notmiwae.randomness import generator, torch_seed
from study.baselines.baseline import baselines
from study.data.datasets import DatasetSpec
from study.evaluation import from_scratch as trial_module
from study.evaluation.from_scratch import evaluate_from_scratch
from study.evaluation.side_studies import Change, model
from study.run.pipeline import entry, section, seed

DATASETS = {"white": (90, 4), "concrete": (60, 3)}
"""Rows and columns of the tables that stand for the real ones."""

MODELS = ["notmiwae_known", "notmiwae_selfmasking", "miwae"]
BASELINES = ["missforest", "mice", "mean"]
STAGES = {"models", "data/imputed", "data/side_studies"}
"""Where the stages keep jobs' outputs."""

TINY = {"steps": 6, "check_every": 2, "samples": 3, "validation_samples": 3, "batch_size": 16}


def write_tables(folder: Path, params: dict[str, Any]) -> None:
    """Small tables of correlated columns in the place of the real ones, and their checksums in `params`."""
    for name, (rows, columns) in DATASETS.items():
        draw = generator(0, name)
        values = draw.normal(size=(rows, columns)) @ draw.normal(size=(columns, columns))
        text = pd.DataFrame(values, columns=[f"c{j}" for j in range(columns)]).to_csv(index=False)
        (folder / f"{name}.csv").write_text(text)
        source = {
            "kind": "csv",
            "file": f"{name}.csv",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "standardise": True,
        }
        params["datasets"][name] |= {"source": source, "replicates": 2}


def tiny(params: dict[str, Any]) -> dict[str, Any]:
    """The benchmark's params.yaml on two tables and some of its methods, with short trainings."""
    params = copy.deepcopy(params)
    params["compute"] = {"workers": 1}
    names = {"datasets": list(DATASETS), "models": MODELS, "baselines": BASELINES}
    params["networks"] = {"deep": params["networks"]["deep"]}
    params["baselines"] = {name: params["baselines"][name] for name in [*BASELINES, "knn"]}
    params["run"] |= names
    params["datasets"] = {name: params["datasets"][name] for name in DATASETS}
    params["training"] |= TINY
    params["imputation"] = {"samples": 10, "draws": 4}
    params["models"] = {name: params["models"][name] for name in MODELS}
    params["models"]["notmiwae_known"]["members"] = 2
    params["models"]["notmiwae_selfmasking"]["members"] = 1
    for name in ("notmiwae_known", "notmiwae_selfmasking"):
        params["models"][name]["imputation"] = {"samples": 10, "draws": 4}
    for network in params["networks"].values():
        for part in ("encoder", "decoder"):
            if "hidden" in network[part]:
                network[part]["hidden"] = [6]
    params["baselines"]["missforest"] |= {"trees": 2, "rounds": 1}
    params["baselines"]["mice"] |= {"rounds": 2, "draws": 3}
    warm = {"model": {"training": {"warm_start": 2}}}
    variants = {name: params["ablation"]["variants"][name] for name in ("default", "five members")}
    params["ablation"] |= {
        "datasets": list(DATASETS),
        "replicates": 2,
        "variants": variants | {"warm start": warm},
    }
    params["missing_rate"] |= {
        "datasets": ["concrete"],
        "replicates": 1,
        "offsets": [0, 0.25],
        "models": ["notmiwae_known"],
        "baselines": ["mean"],
    }
    return params


def read(folder: Path) -> dict[str, Any]:
    params: dict[str, Any] = yaml.safe_load((folder / "params.yaml").read_text())
    return params


def write(folder: Path, params: dict[str, Any]) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def run_all(folder: Path) -> None:
    for name in DATASETS:
        run(folder, "generate", name)
        run(folder, "mask", name)
    for method in MODELS:
        run(folder, "train", "all", method)
        run(folder, "impute", "all", method)
    for method in BASELINES:
        run(folder, "baseline", "all", method)
    run(folder, "evaluate")
    for name in ("ablation", "missing_rate"):
        run(folder, "side_study", name)


def evaluated(folder: Path, dataset: str, file: str = "replicates.csv") -> pd.DataFrame:
    """What was evaluated of a data set, all methods together."""
    paths = [folder / f"data/evaluated/{method}/{dataset}/{file}" for method in MODELS + BASELINES]
    read_table = pd.read_csv if file.endswith(".csv") else pd.read_parquet
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage has run once; not to be changed."""
    folder = tmp_path_factory.mktemp("paper")
    params = tiny(yaml.safe_load((ROOT / "paper/params.yaml").read_text()))
    write_tables(folder, params)
    write(folder, params)
    run_all(folder)
    return folder


@pytest.fixture
def workspace(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(finished, tmp_path / "paper"))


def written(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Content and time of every file below a folder, by its path there."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def rewritten(folder: Path, before: dict[Path, tuple[bytes, int]]) -> set[str]:
    """Outputs that were written since, or removed."""
    now = written(folder)
    differ = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
    return {path.as_posix() for path in differ}


# --- what is made


def test_outputs_lie_by_method_then_table(finished: Path) -> None:
    for name in DATASETS:
        for method in MODELS:
            members = 2 if method == "notmiwae_known" else 1
            assert len(list((finished / "models" / method / name).glob("*/*/weights.safetensors"))) == (
                2 * members
            )
            assert (finished / "reports/curves" / method / f"{name}.csv").is_file()
        for method in MODELS + BASELINES:
            # A fixed table under a deterministic mechanism: one replicate of what isn't random.
            count = 1 if method == "mean" else 2
            assert len(list((finished / "data/imputed" / method / name).glob("*.parquet"))) == count
    assert {path.name for path in (finished / "data/imputed").iterdir()} == set(MODELS + BASELINES)


def test_every_member_and_replicate_has_its_curve(finished: Path) -> None:
    curve = pd.read_csv(finished / "reports/curves/notmiwae_known/white.csv")
    assert set(zip(curve["replicate"], curve["member"], strict=True)) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert (curve.groupby(["replicate", "member"])["step"].max() == TINY["steps"]).all()
    raced = pd.read_csv(finished / "reports/curves/notmiwae_selfmasking/white.csv")
    last = raced.groupby(["replicate", "start"])["step"].max().unstack()
    assert (last.max(axis=1) == TINY["steps"]).all()
    assert (last.min(axis=1) == 2).all()


def test_evaluation_has_every_method_with_what_applies_to_it(finished: Path) -> None:
    for name in DATASETS:
        found = evaluated(finished, name)
        assert list(found["method"].unique()) == MODELS + BASELINES
        assert np.isfinite(found["value"]).all()
        accuracy = found[found["metric"] == "mask_accuracy"]
        assert set(accuracy["method"]) == {method for method in MODELS if method != "miwae"}
        assert accuracy["value"].between(0, 1).all()


def test_the_errors_of_rows_add_up_to_the_errors_of_tables(finished: Path) -> None:
    for name in DATASETS:
        rows = evaluated(finished, name, "rows.parquet")
        assert list(rows) == ["dataset", "method", "replicate", "row", "cells", "squared_error"]
        assert set(rows["dataset"]) == {name}
        sums = rows.groupby(["method", "replicate"])[["squared_error", "cells"]].sum()
        masked = pd.read_parquet(finished / f"data/masked/{name}/000.parquet")
        assert (sums["cells"] == masked.isna().to_numpy().sum()).all()
        found = evaluated(finished, name).query("metric == 'rmse'")
        expected = found.set_index(["method", "replicate"])["value"].sort_index()
        rmse = np.sqrt(sums["squared_error"] / sums["cells"]).sort_index()
        pd.testing.assert_series_equal(rmse, expected, check_names=False, rtol=1e-5)


def test_seconds_are_recorded_for_every_cell_and_study(finished: Path) -> None:
    timings = pd.read_csv(finished / "reports/timings.csv")
    cells = set(timings[["dataset", "method", "metric"]].itertuples(index=False, name=None))
    for name in DATASETS:
        assert {(name, each, "fit_seconds") for each in MODELS} <= cells
        assert {(name, each, "impute_seconds") for each in MODELS + BASELINES} <= cells
        assert (name, "five members", "ablation_seconds") in cells
    assert ("concrete", "mean", "missing_rate_seconds") in cells


# --- what is done again


def test_a_second_run_does_nothing(workspace: Path) -> None:
    before = {name: written(workspace / name) for name in STAGES}
    timings = (workspace / "reports/timings.csv").read_bytes()
    reports = (workspace / "reports/ablation.csv").read_bytes()
    run(workspace, "train", "all", "notmiwae_known")
    run(workspace, "impute", "all", "notmiwae_known")
    run(workspace, "baseline", "all", "missforest")
    run(workspace, "side_study", "ablation")
    for name, content in before.items():
        assert written(workspace / name) == content
    assert (workspace / "reports/timings.csv").read_bytes() == timings
    assert (workspace / "reports/ablation.csv").read_bytes() == reports


def test_a_lost_job_is_done_again_and_gives_the_same_bytes(workspace: Path) -> None:
    before = {name: written(workspace / name) for name in STAGES}
    lost = {
        "models": "notmiwae_known/white/001/01",
        "data/imputed": "notmiwae_known/white/000.parquet",
        "data/side_studies": "ablation/five members/-/white/001.json",
    }
    # With those that it is computed with.
    again = {
        "models": "notmiwae_known/white/",
        "data/imputed": "notmiwae_known/white/000.parquet",
        "data/side_studies": "ablation/five members/-/white/",
    }
    for folder, name in lost.items():
        path = workspace / folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    run(workspace, "train", "all", "notmiwae_known")
    run(workspace, "impute", "all", "notmiwae_known")
    run(workspace, "side_study", "ablation")
    for folder, name in again.items():
        redone = rewritten(workspace / folder, before[folder])
        assert redone
        assert all(path.startswith(name) for path in redone)
        found = written(workspace / folder)
        assert {path: content for path, (content, _) in found.items()} == {
            path: content for path, (content, _) in before[folder].items()
        }


def test_a_tables_dial_leaves_the_other_table(workspace: Path) -> None:
    params = read(workspace)
    params["datasets"]["white"]["mechanism"]["cut"] = {"statistic": "mean", "offset_sd": 0.3}
    write(workspace, params)
    before = {name: written(workspace / name) for name in STAGES}
    run(workspace, "mask", "white")
    run(workspace, "train", "all", "miwae")
    run(workspace, "impute", "all", "miwae")
    run(workspace, "baseline", "all", "missforest")
    run(workspace, "side_study", "ablation")
    for name, content in before.items():
        redone = rewritten(workspace / name, content)
        assert redone
        assert all("/white/" in path for path in redone), redone


def irrelevant(params: dict[str, Any]) -> None:
    params["compute"] = {"workers": 2}
    params["baselines"]["knn"]["neighbours"] = 2


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], set[str]]] = {
    "steps": (lambda params: params["training"].update(steps=8), STAGES),
    "draws": (
        lambda params: params["models"]["notmiwae_known"]["imputation"].update(draws=5),
        STAGES - {"models"},
    ),
    "members": (
        lambda params: params["models"]["notmiwae_known"].update(members=3),
        STAGES - {"data/side_studies"},
    ),
    "workers and neighbours": (irrelevant, set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_dial_reruns_the_jobs_that_read_it_and_no_others(workspace: Path, change: str) -> None:
    params = read(workspace)
    alter, expected = CHANGES[change]
    alter(params)
    write(workspace, params)
    before = {name: written(workspace / name) for name in STAGES}
    run(workspace, "train", "all", "notmiwae_known")
    run(workspace, "impute", "all", "notmiwae_known")
    run(workspace, "side_study", "missing_rate")
    redone = {name: rewritten(workspace / name, content) for name, content in before.items()}
    assert {name for name, paths in redone.items() if paths} == expected
    assert not any("/mean/" in path for path in redone["data/side_studies"])


def test_a_table_that_left_the_grid_leaves_nothing(workspace: Path) -> None:
    params = read(workspace)
    params["run"]["datasets"] = ["concrete"]
    params["ablation"]["datasets"] = ["concrete"]
    write(workspace, params)
    run(workspace, "train", "all", "miwae")
    run(workspace, "impute", "all", "miwae")
    run(workspace, "baseline", "all", "mean")
    run(workspace, "side_study", "ablation")
    for folder in ("models/miwae", "data/imputed/miwae", "data/imputed/mean", "data/side_studies/ablation"):
        assert (workspace / folder).is_dir()
        assert not list((workspace / folder).rglob("white"))
    assert (workspace / "models/notmiwae_known/white").is_dir()


def test_one_table_can_be_run_alone_and_gives_the_bytes_that_all_give(workspace: Path) -> None:
    before = written(workspace / "models/miwae"), written(workspace / "data/imputed/missforest")
    for path in ("models/miwae/white", "data/imputed/missforest/white"):
        shutil.rmtree(workspace / path)
    run(workspace, "train", "white", "miwae")
    run(workspace, "baseline", "white", "missforest")
    for folder, content in zip(("models/miwae", "data/imputed/missforest"), before, strict=True):
        again = written(workspace / folder)
        assert {path: bytes_ for path, (bytes_, _) in again.items()} == {
            path: bytes_ for path, (bytes_, _) in content.items()
        }
        assert rewritten(workspace / folder, content)
        assert all(path.startswith("white/") for path in rewritten(workspace / folder, content))


def test_a_killed_study_goes_on_with_what_is_missing(workspace: Path) -> None:
    trials = workspace / "data/side_studies/ablation"
    params = read(workspace)
    params["ablation"]["datasets"] = ["concrete"]
    del params["ablation"]["variants"]["five members"]
    write(workspace, params)
    run(workspace, "side_study", "ablation")
    finished = {path: content for path, (content, _) in written(trials).items()}
    shutil.rmtree(trials)
    notes = workspace / "build/made_from"
    shutil.rmtree(notes)
    endless = copy.deepcopy(params)
    endless["ablation"]["variants"]["warm start"]["model"]["training"]["steps"] = 10**7
    write(workspace, endless)
    command = [sys.executable, str(ROOT / "stages"), "side_study", "ablation"]
    stage = subprocess.Popen(command, cwd=workspace, stderr=subprocess.DEVNULL)
    try:
        # The variant before the endless one, in both replicates.
        deadline = time.monotonic() + 60
        while len(list(notes.glob("[!.]*"))) < 2 and time.monotonic() < deadline:
            assert stage.poll() is None
            time.sleep(0.02)
    finally:
        stage.send_signal(signal.SIGKILL)
        stage.wait()
    done = written(trials)
    assert len(done) == 2
    assert not list(trials.rglob(".*.tmp"))
    write(workspace, params)
    run(workspace, "side_study", "ablation")
    again = written(trials)
    assert {path: again[path] for path in done} == done
    assert {path: content for path, (content, _) in again.items()} == finished


# --- studies


def test_a_study_reports_every_trial(finished: Path) -> None:
    replicates = pd.read_csv(finished / "reports/ablation-replicates.csv", dtype={"setting": str})
    trials = replicates.query("metric == 'rmse'")
    assert len(trials) == 3 * 2 * 2
    assert list(trials["dataset"].unique()) == list(DATASETS)
    assert (finished / "data/side_studies/ablation/five members/-/white/001.json").is_file()
    summary = pd.read_csv(finished / "reports/ablation.csv")
    means = replicates.groupby(["dataset", "method", "metric"])["value"].mean().sort_index()
    found = summary.set_index(["dataset", "method", "metric"])["mean"].sort_index()
    pd.testing.assert_series_equal(found, means, check_names=False, rtol=1e-4)
    assert (summary["replicates"] == 2).all()
    rates = pd.read_csv(finished / "reports/missing_rate.csv", dtype={"setting": str})
    assert set(rates["setting"]) == {"0", "0.25"}
    assert set(rates["method"]) == {"notmiwae_known", "mean"}


def as_in_the_pipeline(monkeypatch: pytest.MonkeyPatch, name: str, method: str, one_seed: int) -> None:
    """Let trials draw what the pipeline's stages draw for a cell."""

    def purpose(first: Any, *more: Any) -> int:
        # A replicate's own seed is only handed on: to the members' training, and to the imputation.
        if more[0] == "method":
            return int(more[1])
        if more[0] == "train":
            return torch_seed(one_seed, "train", name, first, more[1])
        return torch_seed(one_seed, "impute", name, first)

    def baselines_own(first: int, *more: Any) -> int:
        return torch_seed(one_seed, method, name, more[1])

    monkeypatch.setattr(trial_module, "torch_seed", purpose if method in MODELS else baselines_own)
    monkeypatch.setattr(
        trial_module, "generator", lambda _, *more: generator(one_seed, more[0], name, more[1])
    )


@pytest.mark.parametrize("method", ["notmiwae_known", "miwae", "mice", "mean"])
def test_a_trial_with_the_pipelines_seeds_gives_the_pipelines_figures(
    finished: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.chdir(finished)
    for name in DATASETS:
        all_methods = evaluated(finished, name)
        as_in_the_pipeline(monkeypatch, name, method, seed())
        tried = model(method, name, Change()) if method in MODELS else entry(baselines, f"baselines.{method}")
        for replicate, group in all_methods[all_methods["method"] == method].groupby("replicate"):
            (figures,) = evaluate_from_scratch(
                section(DatasetSpec, f"datasets.{name}"), tried, 1, [int(replicate)]
            )
            assert figures == pytest.approx(group.set_index("metric")["value"].to_dict(), rel=1e-4)
