"""A table of one's own as a data set of the pipeline: the entry that docs/own_table.md prints."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT, run

from study.run.pipeline import merged

PAGE = (ROOT / "docs/own_table.md").read_text(encoding="utf-8")


def small(changes: dict[str, Any]) -> dict[str, Any]:
    """The page's entry on top of params.yaml, with `changes`, at a tiny size."""
    entry = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    params = merged(merged(yaml.safe_load((ROOT / "params.yaml").read_text()), entry), changes)
    params["compute"]["workers"] = 1
    params["datasets"]["wages"]["replicates"] = 2
    recipe = params["recipes"]["wages"]
    recipe |= {"members": 2, "imputation": {"samples": 10, "draws": 4}}
    recipe["training"] |= {"steps": 4, "check_every": 2, "samples": 3}
    params["baselines"]["missforest"] |= {"trees": 2, "rounds": 1}
    return params


def finished(folder: Path, changes: dict[str, Any]) -> Path:
    params = small(changes)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copytree(ROOT / "data/examples", folder / "data/examples")
    (folder / "reports").mkdir()
    shutil.copy(ROOT / "reports/published.csv", folder / "reports")
    run(folder, "generate", "wages")
    run(folder, "mask", "wages")
    for model in params["run"]["models"]:
        run(folder, "train", "wages", model)
        run(folder, "impute", "wages", model)
    for baseline in params["run"]["baselines"]:
        run(folder, "baseline", "wages", baseline)
    run(folder, "evaluate")
    run(folder, "figures", "wages")
    run(folder, "report")
    return folder


@pytest.fixture(scope="module")
def natural(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's entry as it is printed."""
    return finished(tmp_path_factory.mktemp("natural"), {})


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same table, from which a mechanism takes more, as the page says."""
    mechanism = {"kind": "threshold", "columns": ["educ"], "cut": {"statistic": "mean"}, "side": "upper"}
    return finished(tmp_path_factory.mktemp("both"), {"datasets": {"wages": {"mechanism": mechanism}}})


def metrics(folder: Path, method: str) -> dict[str, float]:
    return json.loads((folder / f"reports/metrics/wages-{method}.json").read_text())


def test_no_truth_no_error_but_what_can_be_said(natural: Path) -> None:
    for method in ("notmiwae", "miwae"):
        assert metrics(natural, method).keys() == {"shift", "bound", "replicates"}
        assert metrics(natural, method)["replicates"] == 2
    assert metrics(natural, "mean") == {"shift": 0.0, "replicates": 1}
    assert len(pd.read_parquet(natural / "data/evaluated/notmiwae/wages/rows.parquet")) == 0


def test_every_gap_is_imputed_and_nothing_else(natural: Path) -> None:
    table = pd.read_csv(natural / "data/examples/mroz.csv")
    masked = pd.read_parquet(natural / "data/masked/wages/000.parquet")
    pd.testing.assert_frame_equal(masked, table[masked.columns].astype(float))
    leaks = {"wage", "inlf", "hours", "repwage", "faminc", "nwifeinc", "mtr"}
    assert not leaks & set(masked.columns), "the family's income less the rest of it is her earnings"
    for method in ("notmiwae", "knn"):
        cells = pd.read_parquet(natural / f"data/imputed/{method}/wages/000.parquet")
        assert cells["row"].tolist() == np.flatnonzero(masked["lwage"].isna()).tolist()
        assert np.isfinite(cells.to_numpy()).all()


def test_the_bound_is_the_mean_of_the_members(natural: Path) -> None:
    curves = pd.read_csv(natural / "reports/curves/notmiwae/wages.csv")
    kept = curves[curves["kept"]].groupby(["replicate", "member"]).last()["validation_bound"]
    assert metrics(natural, "notmiwae")["bound"] == pytest.approx(kept.mean(), rel=1e-4)


def test_its_figures_and_tables_do_without_a_truth(natural: Path) -> None:
    assert [each.name for each in (natural / "reports/figures/wages").iterdir()] == ["columns.png"]
    table = (natural / "reports/table.md").read_text()
    assert "RMSE" not in table
    assert "| wages |" in table
    assert "held-out bound" in table


def test_what_a_mechanism_takes_beside_the_gaps_is_judged(both: Path) -> None:
    complete, masked = (
        pd.read_parquet(both / f"data/{each}/wages/000.parquet") for each in ("complete", "masked")
    )
    taken = masked["educ"].isna()
    found = metrics(both, "mean")
    error = complete["educ"][taken] - masked["educ"].mean()
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
    assert found["shift"] == 0
    assert {"rmse", "crps", "coverage90", "energy", "shift", "bound"} <= metrics(both, "notmiwae").keys()
    errors = pd.read_parquet(both / "data/evaluated/knn/wages/rows.parquet")
    assert errors["cells"].sum() == taken.sum()
    assert {each.name for each in (both / "reports/figures/wages").iterdir()} == {
        "agreement.png",
        "columns.png",
    }


def test_the_checksum_of_the_page_is_the_files() -> None:
    assert "e9cd6f5d40609c5deb259c9e5dae3e7f3a064d482971db4b9d909a8d58efea51" in PAGE
