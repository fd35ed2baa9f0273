"""A table of one's own as a data set of the pipeline: the entry that docs/own_table.md prints."""

import hashlib
import json
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT, run

from notmiwae import Missing, NotMIWAEImputer
from notmiwae.cli.main import main
from notmiwae.errors import ParameterError
from notmiwae.estimators.miwae_imputer import MIWAEImputer
from notmiwae.specs import parse_spec
from study.estimators.estimator_spec import EstimatorSpec
from study.run.pipeline import merged

PAGE = (ROOT / "docs/own_table.md").read_text(encoding="utf-8")
SURVEY = ROOT / "data/examples/survey.csv"
MARKERS = ["refused", "-9", "99", ""]


def small(changes: dict[str, Any]) -> dict[str, Any]:
    """The page's entry on top of params.yaml, with `changes`, at a tiny size."""
    entry = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    params = merged(yaml.safe_load((ROOT / "params.yaml").read_text()), entry)
    params["compute"]["workers"] = 1
    for estimator in params["estimators"].values():
        estimator |= {"steps": 4, "members": 2, "n_samples": 10, "draws": 4}
    params["baselines"]["missforest"] |= {"trees": 2, "rounds": 1}
    return merged(params, changes)


def prepared(folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    params = small(changes)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copytree(ROOT / "data/examples", folder / "data/examples")
    (folder / "reports").mkdir()
    shutil.copy(ROOT / "reports/published.csv", folder / "reports")
    return params


def finished(folder: Path, changes: dict[str, Any]) -> Path:
    grid = prepared(folder, changes)["run"]
    run(folder, "generate", "survey")
    run(folder, "mask", "survey")
    for estimator in grid["estimators"]:
        run(folder, "estimator", "survey", estimator)
    for baseline in grid["baselines"]:
        run(folder, "baseline", "survey", baseline)
    run(folder, "evaluate")
    run(folder, "figures", "survey")
    run(folder, "report")
    return folder


@pytest.fixture(scope="module")
def natural(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's entry as it is printed."""
    return finished(tmp_path_factory.mktemp("natural"), {})


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same table, of which some seen values are hidden, as the page says."""
    mechanism = {"kind": "natural", "hide": 0.1}
    return finished(tmp_path_factory.mktemp("judged"), {"datasets": {"survey": {"mechanism": mechanism}}})


def metrics(folder: Path, method: str) -> dict[str, float]:
    return json.loads((folder / f"reports/metrics/survey-{method}.json").read_text())


def texts(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_the_example_is_what_its_script_makes(tmp_path: Path) -> None:
    script = tmp_path / "make_survey.py"
    shutil.copy(ROOT / "data/examples/make_survey.py", script)
    runpy.run_path(str(script), run_name="__main__")
    assert (tmp_path / "survey.csv").read_bytes() == SURVEY.read_bytes()
    assert hashlib.sha256(SURVEY.read_bytes()).hexdigest() in PAGE


def test_no_truth_no_error_but_what_can_be_said(natural: Path) -> None:
    for method in ("notmiwae", "miwae"):
        assert metrics(natural, method).keys() == {"shift", "bound", "replicates"}
        assert metrics(natural, method)["replicates"] == 2
    assert metrics(natural, "mean") == {"shift": pytest.approx(0.0, abs=1e-9), "replicates": 1}
    assert len(pd.read_parquet(natural / "data/evaluated/notmiwae/survey/rows.parquet")) == 0


def test_every_gap_is_imputed_and_nothing_else(natural: Path) -> None:
    came = texts(SURVEY)
    missing = came.isin(MARKERS)
    for method in ("notmiwae", "miwae"):
        completed = texts(natural / f"data/completed/{method}/survey/000.csv")
        assert not completed.isin(MARKERS).any(axis=None)
        pd.testing.assert_frame_equal(completed.mask(missing), came.mask(missing))
        assert set(completed["education"]) == {"school", "vocational", "university"}
        assert completed["age"].astype(int).min() >= 18
        draws = texts(natural / f"data/completed/{method}/survey/000-draws.csv")
        assert draws.groupby(".imp").size().tolist() == [len(came)] * 5
        pd.testing.assert_frame_equal(draws.iloc[: len(came), 2:], came)
    for method in ("notmiwae", "knn"):
        cells = pd.read_parquet(natural / f"data/imputed/{method}/survey/000.parquet")
        assert len(cells) == missing.sum().sum()
        assert np.isfinite(cells.to_numpy()).all()


def test_the_pipeline_imputes_as_the_command_does(natural: Path, tmp_path: Path) -> None:
    """One reader, one imputer: only the seed is the pipeline's own."""
    imputer = MIWAEImputer.load(natural / "models/notmiwae/survey/000")
    output = tmp_path / "completed.csv"
    command = [
        "impute",
        str(SURVEY),
        "-o",
        str(output),
        "--na",
        "refused",
        "-9",
        "99",
        "--ignore",
        "respondent",
    ]
    command += [
        "--missing-process",
        "income=high",
        "--at-random",
        "income",
        "--limits",
        "income=0:",
        "age=18:",
    ]
    command += ["--steps", "4", "--members", "2", "--samples", "10", "--seed", str(imputer.random_state)]
    assert main([*command, "--quiet"]) == 0
    assert output.read_bytes() == (natural / "data/completed/notmiwae/survey/000.csv").read_bytes()


def test_the_bound_is_the_imputers(natural: Path) -> None:
    bounds = [MIWAEImputer.load(natural / f"models/notmiwae/survey/{r:03d}").bound_ for r in range(2)]
    assert metrics(natural, "notmiwae")["bound"] == pytest.approx(np.mean(bounds), rel=1e-4)


def test_its_figures_and_pages_do_without_a_truth(natural: Path) -> None:
    assert [each.name for each in (natural / "reports/figures/survey").iterdir()] == ["columns.png"]
    table = (natural / "reports/table.md").read_text()
    assert "RMSE" not in table
    assert "| survey |" in table
    assert "held-out bound" in table
    assert (natural / "reports/calibration.md").read_text().startswith("Nobody knows")
    assert (natural / "reports/agreement.md").read_text().startswith("Nothing was published")
    learnt = (natural / "reports/learnt/notmiwae/survey.md").read_text()
    assert "the higher a value, the likelier it is missing" in learnt
    assert "Checks of the gaps" in learnt


def test_hidden_values_judge_numbers_and_categories(judged: Path) -> None:
    complete, masked = (
        pd.read_parquet(judged / f"data/{each}/survey/000.parquet") for each in ("complete", "masked")
    )
    hidden = masked.isna() & complete.notna()
    assert hidden.to_numpy().mean() == pytest.approx(0.1, abs=0.02)
    found = metrics(judged, "mean")
    assert {"rmse", "crps", "coverage90", "error_rate", "shift", "bound"} <= metrics(
        judged, "notmiwae"
    ).keys()
    # The mean of a column is wrong by its standard deviation, the commonest category as often as another.
    assert found["rmse"] == pytest.approx(1.0, abs=0.1)
    assert 0.4 < found["error_rate"] < 0.75
    table = (judged / "reports/table.md").read_text()
    assert "wrong" in table
    assert "published" not in table
    assert {each.name for each in (judged / "reports/figures/survey").iterdir()} == {
        "agreement.png",
        "columns.png",
    }


def test_a_value_that_was_hidden_stands_in_the_completed_table(judged: Path) -> None:
    came = texts(SURVEY)
    completed = texts(judged / "data/completed/notmiwae/survey/001.csv")
    missing = came.isin(MARKERS)
    pd.testing.assert_frame_equal(completed.mask(missing), came.mask(missing))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("hgh", "missing_process: unknown word 'hgh'; did you mean 'high'?"),
        ({"income": "hgh"}, "missing_process: income: unknown word 'hgh'; did you mean 'high'?"),
        ({"income": {"word": "hgh"}}, "income.word: unknown word 'hgh'; did you mean 'high'?"),
        ({"income": {"word": ["high"]}}, "income.word: unknown word ['high']"),
        ({"income": {"word": "low", "given": "all"}}, "income.given: accepted: a list of names"),
        ({"income": {"word": "low", "gven": []}}, "income.gven: unknown key; did you mean 'given'?"),
    ],
)
def test_an_assumption_that_is_none_is_named(said: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        parse_spec(EstimatorSpec, {"missing_process": said}, "params.yaml: estimators.notmiwae")


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 0), ("members", "five"), ("draws", -1), ("hidden", [0])]
)
def test_an_argument_that_is_none_is_named(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"params\.yaml: estimators\.a\.{name}.*found"):
        parse_spec(EstimatorSpec, {name: value}, "params.yaml: estimators.a")


def test_an_entry_without_anything_is_the_imputer_with_its_own_defaults() -> None:
    imputer = EstimatorSpec().imputer({}, 3, "cpu")
    own = NotMIWAEImputer(limits={}, random_state=3, device="cpu")
    assert imputer.get_params() == own.get_params()
    said = {"income": {"word": "high", "given": ["age"], "at_random": True}, "age": "low"}
    spec = parse_spec(EstimatorSpec, {"missing_process": said}, "here")
    expected = {"income": Missing("high", given=["age"], at_random=True), "age": "low"}
    assert spec.imputer({}, 3, "cpu").missing_process == expected


def test_a_column_that_is_not_there_is_named_before_anything_is_trained(tmp_path: Path) -> None:
    prepared(tmp_path, {"estimators": {"notmiwae": {"missing_process": {"incme": "high"}}}})
    run(tmp_path, "generate", "survey")
    run(tmp_path, "mask", "survey")
    with pytest.raises(ParameterError, match=r"missing_process: no column 'incme'; did you mean 'income'\?"):
        run(tmp_path, "estimator", "survey", "notmiwae")
