"""The ladder's real stage scripts at a tiny size, from tables to the page."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from ladder_params import ROOT, tiny

from stages.running import run

RESULTS = ["dataset", "mechanism", "method", "metric", "mean", "se", "replicates"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ladder with three tables and a rung and a table more, which an entry each adds, run once."""
    root = tmp_path_factory.mktemp("ladder")
    (root / "docs").mkdir()
    shutil.copy(ROOT / "docs/ladder.template.md", root / "docs")
    params = tiny("gaussian6", "share", "mixed")
    section = params["ladder"]
    section["tables"]["mine"] = {
        "source": {"kind": "correlated_gaussian", "rows": 60, "columns": 3, "correlation": 0.3},
        "losing": ["x_2"],
    }
    mechanism = {"kind": "self_masking_logistic", "slope": -9.0, "rate": 0.4}
    section["rungs"]["very_low"] = {"mechanism": mechanism, "told": "low", "tables": ["mine"]}
    (root / "ladder").mkdir()
    (root / "ladder/params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    run(root / "ladder", "ladder_tables")
    for estimator in section["estimators"]:
        run(root / "ladder", "ladder_estimator", estimator)
    for method in section["methods"]:
        run(root / "ladder", "ladder_impute", method)
    for stage in ("ladder_evaluate", "ladder_report"):
        run(root / "ladder", stage)
    return root / "ladder"


@pytest.fixture(scope="module")
def results(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "reports/results.csv")


def test_results_are_tidy_and_every_method_imputes_every_table(results: pd.DataFrame) -> None:
    assert results.columns.tolist() == RESULTS
    assert not results.duplicated(RESULTS[:4]).any()
    assert np.isfinite(results["mean"]).all()
    assert (results["replicates"] == 2).all()
    numbers = results[(results["metric"] == "rmse") & ~results["mechanism"].str.startswith("natural")]
    everywhere = numbers.groupby("method").size().drop(["oracle", "described"])
    assert everywhere.nunique() == 1
    assert set(results.loc[results["metric"] == "error_rate", "dataset"]) == {"mixed"}


def test_a_table_and_a_rung_are_added_by_an_entry(results: pd.DataFrame) -> None:
    own = results[(results["dataset"] == "mine") & (results["metric"] == "rmse")]
    # The table is on every rung that takes all tables, or those of its kind, without being named there.
    assert {"very_low", "mcar", "low", "extreme"} <= set(own["mechanism"])
    assert set(results.loc[results["mechanism"] == "very_low", "dataset"]) == {"mine"}
    assert {"auto", "told", "mice", "oracle"} <= set(own["method"])


def test_the_spike_ins_are_two_mechanisms_of_one_data_set(results: pd.DataFrame) -> None:
    natural = results[results["dataset"] == "spikein"]
    assert set(natural["mechanism"]) == {"natural_spiked", "natural_background"}
    assert {"qrilc", "min_prob", "auto"} <= set(natural["method"])
    assert {"rmse", "bias", "crps", "coverage90", "fold_change"} <= set(natural["metric"])


def test_the_limit_is_the_lowest_but_for_noise(folder: Path) -> None:
    paired = pd.read_csv(folder / "reports/paired.csv")
    against = paired[paired["reference"] == "oracle"]
    assert len(against)
    assert (against["difference"] > -4 * against["se"]).all()


def test_page_metrics_and_figures_are_made(folder: Path) -> None:
    page = (folder.parent / "docs/ladder.md").read_text(encoding="utf-8")
    assert "{{" not in page
    pictures = {"harm", "coverage", "price", "ranks", "spike_ins"}
    assert {path.stem for path in (folder / "reports/figures").iterdir()} == pictures
    for name in pictures:
        assert f"../ladder/reports/figures/{name}.png" in page
    assert (folder / "reports/metrics/auto-mar.json").is_file()


def test_a_stage_again_changes_nothing_and_a_method_alone_is_done_again(folder: Path) -> None:
    def digests() -> dict[str, str]:
        files = [path for path in (folder / "data").rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = digests()
    shutil.rmtree(folder / "data/evaluated/mean")
    run(folder, "ladder_tables")
    run(folder, "ladder_impute", "mean")
    run(folder, "ladder_impute", "knn")
    assert digests() == before


def test_methods_that_are_left_out_are_no_error(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "data", tmp_path / "data")
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["ladder"]["run"] = {"estimators": [], "methods": ["mice"]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    run(tmp_path, "ladder_evaluate")
    assert set(pd.read_csv(tmp_path / "reports/results.csv")["method"]) == {"mice"}
