"""The real stage scripts, run in order at a tiny size in an empty folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT, run

from notmiwae.errors import DataError, ParameterError
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
    run(folder, "evaluate")
    for dataset in grid["datasets"]:
        run(folder, "figures", dataset)
    run(folder, "report")
    return folder


def cells(params: dict) -> list[tuple[str, str]]:
    grid = params["run"]
    methods = [*grid["models"], *grid["baselines"]]
    return [(d, m) for d in grid["datasets"] for m in methods] + [(d, "oracle") for d in grid["oracles"]]


def test_every_cell_has_its_metrics(workspace: Path, params: dict) -> None:
    for dataset, method in cells(params):
        metrics = json.loads((workspace / f"reports/metrics/{dataset}-{method}.json").read_text())
        assert metrics["rmse"] > 0
        assert all(np.isfinite(value) for value in metrics.values())
    assert len(list((workspace / "reports/metrics").iterdir())) == len(cells(params))


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


def test_figures_are_drawn_for_every_data_set(workspace: Path, params: dict) -> None:
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
        small["recipes"]["gaussian"]["training"]["together"] = 2
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


# --- what is done again


@pytest.fixture
def again(workspace: Path, tmp_path: Path) -> Path:
    """A copy of the folder in which every stage has run once, to change."""
    return Path(shutil.copytree(workspace, tmp_path / "again"))


def written(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file below a folder, by its path there."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def after_run(folder: Path, stage: str, *arguments: str) -> set[str]:
    """Folders of data/evaluated and reports/figures in which a stage wrote, or from which it removed."""
    tops = [folder / "data/evaluated", folder / "reports/figures"]
    before = {top: written(top) for top in tops}
    run(folder, stage, *arguments)
    found = set()
    for top in tops:
        now = written(top)
        differ = {path for path in before[top].keys() | now if before[top].get(path) != now.get(path)}
        found |= {path.rpartition("/")[0] for path in differ}
    return found


def turn(folder: Path, params: dict) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def test_a_second_evaluation_and_a_second_drawing_do_nothing(again: Path, params: dict) -> None:
    timings = (again / "reports/timings.csv").read_bytes()
    assert after_run(again, "evaluate") == set()
    for dataset in params["run"]["datasets"]:
        assert after_run(again, "figures", dataset) == set()
    assert (again / "reports/timings.csv").read_bytes() == timings


def test_a_methods_dial_concerns_its_own_cells_alone(again: Path, params: dict) -> None:
    small = tiny(params)
    small["baselines"]["knn"]["neighbours"] = 2
    turn(again, small)
    before = written(again / "reports/metrics")
    run(again, "baseline", "ring", "knn")
    assert after_run(again, "evaluate") == {"knn/ring"}
    now = written(again / "reports/metrics")
    assert {name for name, (content, _) in now.items() if content != before[name][0]} == {"ring-knn.json"}
    assert after_run(again, "figures", "gaussian") == set()
    assert after_run(again, "figures", "ring") == {"ring"}


def test_a_models_dial_concerns_its_own_cells_alone(again: Path, params: dict) -> None:
    small = tiny(params)
    small["recipes"]["gaussian"]["imputation"]["draws"] = 5
    turn(again, small)
    run(again, "impute", "gaussian", "miwae")
    assert after_run(again, "evaluate") == {"miwae/gaussian"}
    assert after_run(again, "figures", "ring") == set()
    assert after_run(again, "figures", "gaussian") == {"gaussian"}


def test_a_method_that_is_taken_out_leaves_nothing_in_the_results(again: Path, params: dict) -> None:
    small = tiny(params)
    small["run"] |= {"baselines": ["mean", "knn"], "oracles": []}
    turn(again, small)
    gone = {"mice", "missforest", "oracle"}
    touched = after_run(again, "evaluate")
    assert {folder.partition("/")[0] for folder in touched} == gone
    run(again, "report")
    found = pd.read_csv(again / "reports/results.csv")["method"].unique().tolist()
    assert found == ["notmiwae", "miwae", "mean", "knn"]
    assert not any(path.stem.rpartition("-")[2] in gone for path in (again / "reports/metrics").iterdir())


def test_a_baseline_is_added_by_lines_of_params_alone(again: Path, params: dict) -> None:
    small = tiny(params)
    small["run"]["baselines"].append("nearest")
    small["baselines"]["nearest"] = {"kind": "knn", "neighbours": 1}
    turn(again, small)
    for dataset in small["run"]["datasets"]:
        run(again, "baseline", dataset, "nearest")
    datasets = small["run"]["datasets"]
    assert after_run(again, "evaluate") == {f"nearest/{dataset}" for dataset in datasets}
    run(again, "report")
    results = pd.read_csv(again / "reports/results.csv")
    assert set(results.loc[results["method"] == "nearest", "dataset"]) == set(datasets)
    assert "nearest" in (again / "reports/table.md").read_text()


def test_a_cell_that_was_not_imputed_is_named_before_any_work(again: Path, params: dict) -> None:
    shutil.rmtree(again / "data/imputed/mice/ring")
    shutil.rmtree(again / "data/evaluated/knn/gaussian")
    with pytest.raises(DataError, match=r"^data/imputed/mice/ring: no such file or folder; run the stage"):
        run(again, "evaluate")
    assert not (again / "data/evaluated/knn/gaussian").exists()


def test_an_old_params_file_is_told_which_key_to_delete(again: Path, params: dict) -> None:
    small = tiny(params)
    small["run"]["methods"] = small["run"]["models"] + small["run"]["baselines"]
    turn(again, small)
    for stage in (["generate", "ring"], ["evaluate"], ["report"]):
        with pytest.raises(ParameterError, match=r"^params.yaml: run.methods: delete this key; models and"):
            run(again, *stage)
