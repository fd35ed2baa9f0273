"""The real stage scripts, run in order at a tiny size in an empty folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT, run

from pipelines import tiny


@pytest.fixture(scope="module")
def params() -> dict:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, params: dict) -> Path:
    """A folder in which every stage has run once, in the pipeline's order."""
    return pipeline(tmp_path_factory.mktemp("pipeline"), tiny(params))


def pipeline(folder: Path, params: dict) -> Path:
    """Run every stage once, in the pipeline's order."""
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "reports").mkdir()
    shutil.copy(ROOT / "reports/published.csv", folder / "reports")
    grid = params["run"]
    for dataset in grid["datasets"]:
        run(folder, "generate", dataset)
        run(folder, "mask", dataset)
        for model in grid["models"]:
            run(folder, "train", dataset, model)
            run(folder, "impute", dataset, model)
        for baseline in grid["baselines"]:
            run(folder, "baseline", dataset, baseline)
        if dataset in grid["oracles"]:
            run(folder, "oracle", dataset)
            run(folder, "evaluate", dataset, "oracle")
        run(folder, "evaluate", dataset, "methods")
        run(folder, "figures", dataset)
    run(folder, "report")
    return folder


def cells(params: dict) -> list[tuple[str, str]]:
    grid = params["run"]
    return [(d, m) for d in grid["datasets"] for m in grid["methods"]] + [
        (d, "oracle") for d in grid["oracles"]
    ]


def test_every_cell_has_its_metrics(workspace: Path, params: dict) -> None:
    for dataset, method in cells(params):
        figures = json.loads((workspace / f"reports/metrics/{dataset}-{method}.json").read_text())
        assert figures["rmse"] > 0
        assert all(np.isfinite(value) for value in figures.values())


def test_deterministic_methods_count_once_on_a_fixed_table(workspace: Path) -> None:
    results = pd.read_csv(workspace / "reports/results.csv").query("metric == 'rmse' and dataset == 'mnist'")
    counts = results.set_index("method")["replicates"].to_dict()
    assert counts == {"notmiwae": 2, "miwae": 2, "mean": 1, "knn": 1, "mice": 1, "missforest": 2}


def test_results_are_the_means_of_the_replicates(workspace: Path, params: dict) -> None:
    results = pd.read_csv(workspace / "reports/results.csv")
    replicates = pd.read_csv(workspace / "reports/replicates.csv")
    assert set(zip(results["dataset"], results["method"], strict=True)) == set(cells(params))
    expected = replicates.groupby(["dataset", "method", "metric"])["value"].mean()
    found = results.set_index(["dataset", "method", "metric"])["mean"]
    pd.testing.assert_series_equal(found.sort_index(), expected.sort_index(), check_names=False, rtol=1e-4)


def test_synthetic_tables_are_redrawn_for_every_replicate(workspace: Path) -> None:
    first, second = (pd.read_parquet(workspace / f"data/complete/gaussian/00{r}.parquet") for r in (0, 1))
    assert not np.isclose(first, second).any()


def test_masking_changes_no_observed_value(workspace: Path) -> None:
    for dataset in ("gaussian", "ring", "mnist"):
        complete = pd.read_parquet(workspace / f"data/complete/{dataset}/000.parquet")
        masked = pd.read_parquet(workspace / f"data/masked/{dataset}/000.parquet")
        assert masked.isna().to_numpy().any()
        assert ((masked == complete) | masked.isna()).to_numpy().all()


def test_pictures_are_drawn_for_every_data_set(workspace: Path, params: dict) -> None:
    for dataset in params["run"]["datasets"]:
        assert list((workspace / "reports/figures" / dataset).glob("*.png"))
    assert (workspace / "reports/figures/rmse.png").is_file()


def test_another_run_in_another_folder_with_two_workers_gives_the_same_bytes(
    workspace: Path, params: dict, tmp_path: Path
) -> None:
    again = pipeline(tmp_path, tiny(params) | {"compute": {"workers": 2}})
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (workspace, again)
    )
    apart = {Path("params.yaml"), Path("reports/timings.csv")}
    assert first.keys() == second.keys()
    assert {path for path in first if first[path] != second[path]} <= apart
    # Of every stage that makes anything.
    for made in ("complete", "masked", "imputed/missforest", "imputed/oracle", "evaluated"):
        assert any(path.is_relative_to(f"data/{made}") for path in first)
    for suffix in (".safetensors", ".png", ".csv", ".json", ".md"):
        assert any(path.suffix == suffix for path in first)


def test_more_replicates_leave_the_first_ones_as_they_were(tmp_path: Path, params: dict) -> None:
    """To the bit where as many are computed together (`training.together`), as two are here."""

    def made(replicates: int) -> dict[Path, bytes]:
        folder = tmp_path / str(replicates)
        folder.mkdir()
        small = tiny(params)
        small["datasets"]["gaussian"]["replicates"] = replicates
        small["models"]["notmiwae"]["gaussian"]["training"]["together"] = 2
        (folder / "params.yaml").write_text(yaml.safe_dump(small))
        for stage in (["generate"], ["mask"], ["train", "notmiwae"], ["impute", "notmiwae"]):
            run(folder, stage[0], "gaussian", *stage[1:])
        run(folder, "baseline", "gaussian", "missforest")
        found = [
            path for top in ("data", "models") for path in (folder / top).rglob("00[01]*") if path.is_file()
        ]
        found += (folder / "models").rglob("00[01]/*/*")
        return {path.relative_to(folder): path.read_bytes() for path in found}

    few = made(2)
    assert sum(path.suffix == ".parquet" for path in few) >= 8
    assert sum(path.suffix == ".safetensors" for path in few) == 2
    assert made(5) == few
