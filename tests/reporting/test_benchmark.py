"""The stage `benchmark`, run as it stands on a small copy of the paper's grid with values made up."""

import re
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from notmiwae.errors import DataError, ParameterError
from notmiwae.model.missing_process.self_masking import SelfMaskingSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.training.fit import fit
from notmiwae.training.recipe import TrainingSpec
from study.data.sources.gaussian import GaussianSource
from study.data.tables import table_path, write_csv, write_table
from study.evaluation.replicates import ERROR_COLUMNS, REPLICATE_COLUMNS, REPLICATES, ROWS
from study.reporting.benchmark_inputs import gather
from study.reporting.result_files import STUDY_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = pd.read_csv(ROOT / "paper/reports/published.csv")
DATASETS = PUBLISHED["dataset"].unique().tolist()
METHODS = PUBLISHED["method"].unique().tolist()
BASELINES = ["lowrank", "missforest", "mice", "mean"]
SEEDS = 2


def parameters() -> dict:
    source = GaussianSource(rows=60, mean=(0.0,) * 3, covariance=np.eye(3).tolist()).to_mapping()
    cut = {"statistic": "mean"}
    mechanism = {"kind": "threshold", "columns": ["x_1"], "cut": cut, "side": "upper"}
    table = {"source": source, "mechanism": mechanism, "replicates": SEEDS}
    models = [method for method in METHODS if method not in BASELINES]
    grid = {"datasets": DATASETS[::-1], "models": models, "baselines": BASELINES}
    ablation = {"datasets": DATASETS, "replicates": 1, "model": "notmiwae_known"}
    return {
        "seed": 1,
        "run": grid | {"oracles": []},
        "datasets": dict.fromkeys(DATASETS, table),
        "ablation": ablation | {"variants": {"default": {}, "changed": {}}},
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with what the stages before would leave in `paper/`, and `docs/` with the page's template."""
    root = tmp_path_factory.mktemp("benchmark")
    paper = root / "paper"
    (root / "docs").mkdir()
    shutil.copy(ROOT / "docs/results.template.md", root / "docs")
    given = parameters()
    paper.mkdir()
    (paper / "params.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
    random = np.random.default_rng(0)
    complete = pd.DataFrame(random.normal(size=(60, 3)), columns=["x_1", "x_2", "x_3"])
    masked = complete.assign(x_1=complete["x_1"].where(complete["x_1"] <= complete["x_1"].mean()))
    fitted = fit(
        masked.to_numpy(),
        tuple(masked.columns),
        ModelSpec(latent_size=1),
        SelfMaskingSpec(),
        TrainingSpec(steps=4, check_every=2),
        1,
    ).fitted
    for dataset in DATASETS:
        write_table(complete, table_path(paper / "data/complete" / dataset, 0))
        write_table(masked, table_path(paper / "data/masked" / dataset, 0))
        for replicate in range(SEEDS):
            folder = paper / f"models/notmiwae_known/{dataset}/{replicate:03d}/00"
            folder.mkdir(parents=True)
            fitted.save(folder)
        _write_evaluated(paper / "data/evaluated", dataset)
    reports = paper / "reports"
    reports.mkdir()
    PUBLISHED.to_csv(reports / "published.csv", index=False)
    studied = [(d, "-", v, "rmse", 1.0, 0.0, 1) for d in DATASETS for v in ("default", "changed")]
    write_csv(pd.DataFrame(studied, columns=STUDY_COLUMNS), reports / "ablation.csv")
    rates = [("red", f"{o:g}", m, "rmse", 1.0, 0.1, 2) for o in (0, 0.5) for m in ("miwae", "mice")]
    write_csv(pd.DataFrame(rates, columns=STUDY_COLUMNS), reports / "missing_rate.csv")
    return paper


def _write_evaluated(folder: Path, dataset: str) -> None:
    """What was published, a little worse with each seed, and errors by row that fit."""
    values, errors = [], []
    for row in PUBLISHED[PUBLISHED["dataset"] == dataset].itertuples():
        for seed in range(1 if row.method in ("mice", "mean") else SEEDS):
            value = row.mean + 0.001 * seed
            values.append((dataset, row.method, row.metric, seed, value))
            if row.metric == "rmse":
                draws = [] if row.method in BASELINES else ["crps", "coverage90", "width90"]
                values += [(dataset, row.method, name, seed, value / 2) for name in [*draws, "energy"]]
                errors += [(dataset, row.method, seed, at, 1, value**2 * (0.5 + at)) for at in (0, 1)]
    all_values = pd.DataFrame(values, columns=REPLICATE_COLUMNS)
    all_errors = pd.DataFrame(errors, columns=ERROR_COLUMNS)
    for method in METHODS:
        write_csv(all_values[all_values["method"] == method], folder / method / dataset / REPLICATES)
        write_table(all_errors[all_errors["method"] == method], folder / method / dataset / ROWS)


@pytest.fixture(autouse=True)
def _in_paper(made, monkeypatch):
    monkeypatch.chdir(made)
    monkeypatch.setattr(sys, "argv", ["benchmark.py"])


def test_the_stage_writes_the_reports_and_the_page(made):
    runpy.run_path(str(ROOT / "stages/benchmark.py"), run_name="__main__")
    page = (made.parent / "docs/results.md").read_text()
    assert "{{" not in page
    links = re.findall(r"\]\((\.\./[^)]+)\)", page)
    assert len(links) > 7
    for link in links:
        assert (made.parent / "docs" / link).is_file(), link
    # The values are the published ones, so all are reproduced.
    cells = len(PUBLISHED[PUBLISHED["metric"] == "rmse"])
    assert f"Of the {cells} published cells, {cells} are reproduced" in page
    results = pd.read_csv(made / "reports/results.csv")
    # In the paper's order, whatever the order in which they were run.
    assert results["dataset"].unique().tolist() == DATASETS
    for name in ("summary", "table", "agreement", "calibration", "mask_accuracy", "paired", "ablation"):
        assert (made / f"reports/{name}.md").read_text().strip() in page


def test_inputs(made):
    inputs = gather()
    assert inputs.shares.keys() == {("red", 0.0), ("red", 0.5)}
    assert 0.3 < inputs.shares["red", 0.5] < inputs.shares["red", 0.0] < 0.6
    assert [each.dataset for each in inputs.learnt] == DATASETS
    assert inputs.learnt[0].curves.shape[0] == SEEDS
    assert inputs.variants == ["default", "changed"]


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("data/evaluated/mice/red/replicates.csv", "evaluate"),
        ("data/evaluated/mice/red/rows.parquet", "evaluate"),
        ("reports/ablation.csv", "side_study@ablation"),
        ("reports/missing_rate.csv", "side_study@missing_rate"),
        ("data/complete/red/000.parquet", "table@red"),
        ("models/notmiwae_known/red/001", "stage that trains"),
    ],
)
def test_a_missing_input_is_named_with_its_stage(made, path, stage):
    there, away = made / path, made / "away"
    there.rename(away)
    try:
        with pytest.raises(DataError, match=rf"{path.removesuffix('/000.parquet')}: no .*{stage}"):
            gather()
    finally:
        away.rename(there)


def test_a_variant_without_values(made, monkeypatch):
    path = made / "reports/ablation.csv"
    before = path.read_text()
    path.write_text(before.replace("changed", "renamed"))
    try:
        with pytest.raises(DataError, match=r"ablation\.csv: nothing of the variant 'changed'"):
            gather()
    finally:
        path.write_text(before)


def test_a_grid_without_the_default_method(made, tmp_path, monkeypatch):
    given = parameters()
    given["run"]["models"] = ["miwae"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match=r"run\.models: the benchmark reports on notmiwae_known"):
        gather()
