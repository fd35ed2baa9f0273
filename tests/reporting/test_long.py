"""The stage `long`, run as it stands with values made up: many seeds, and the published recipe."""

import re
import runpy
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from notmiwae.errors import DataError
from study.data.tables import write_csv
from study.evaluation.replicates import summarise
from study.reporting.robustness import by_seed, gather, robustness, robustness_table, values_in_prose

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["dataset", "setting", "method", "metric", "replicate", "value"]
SEEDS = 3


def rows(seeds: dict) -> pd.DataFrame:
    """Rows of `{(dataset, method): values}`, RMSE and a bound."""
    found = [
        (dataset, "-", method, metric, seed, sign * value)
        for (dataset, method), values in seeds.items()
        for seed, value in enumerate(values)
        for metric, sign in (("rmse", 1.0), ("bound", -10.0))
    ]
    return pd.DataFrame(found, columns=COLUMNS)


RUNS = rows(
    {
        ("red", "notmiwae_known"): [1.0, 1.2, 1.1],
        ("red", "miwae"): [1.6, 1.2, 1.5],
        ("banknote", "notmiwae_known"): [0.5, 0.6, 0.5],
        ("banknote", "miwae"): [1.4, 1.5, 1.3],
    }
)
RECIPES = rows({("red", "published_known"): [1.08], ("red", "notmiwae_known"): [1.0]})


@pytest.fixture(autouse=True)
def _in_its_folder(tmp_path, monkeypatch):
    reports = tmp_path / "long/reports"
    for folder in (reports, tmp_path / "paper/reports", tmp_path / "docs"):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "docs/long.template.md", tmp_path / "docs")
    shutil.copy(ROOT / "paper/reports/published.csv", tmp_path / "paper/reports")
    write_csv(RUNS, reports / "robustness-replicates.csv")
    write_csv(summarise(RECIPES), reports / "published_recipe.csv")
    monkeypatch.chdir(tmp_path / "long")
    monkeypatch.setattr(sys, "argv", ["long.py"])


def test_the_stage_writes_the_reports_and_the_page():
    runpy.run_path(str(ROOT / "stages/long.py"), run_name="__main__")
    page = Path("../docs/long.md").read_text()
    assert "{{" not in page
    assert "Of 6 runs of the default, 1 were no better" in page
    # Beside the paper's own value for both: 1.07.
    assert "| not-MIWAE, published recipe | 1.080 | 1.07 |" in page
    assert "| not-MIWAE, published recipe | -10.800 |" in page
    for name in ("robustness", "published_recipe"):
        assert Path(f"reports/{name}.md").read_text().strip() in page
    for link in re.findall(r"\]\((\.\./[^)]+)\)", page):
        assert (Path("../docs") / link).is_file(), link


def test_a_line_for_each_table():
    assert robustness_table(RUNS, "notmiwae_known", "miwae").splitlines()[2:] == [
        "| Banknote | 3 | 0.500 | 0.500 | 0.600 | 1.300 | 0 |",
        "| Red wine | 3 | 1.000 | 1.100 | 1.200 | 1.200 | 1 |",
    ]


def test_runs_are_compared_seed_by_seed():
    runs = by_seed(RUNS.sample(frac=1.0, random_state=0))
    assert runs.loc["red", "miwae"].tolist() == [1.6, 1.2, 1.5]
    assert by_seed(RUNS, "bound").loc["red", "miwae"].tolist() == [-16.0, -12.0, -15.0]
    assert values_in_prose(gather()) == {"runs": "6", "worse": "1"}


def test_the_figure_has_a_point_for_each_run():
    published = gather().published
    drawn = robustness(RUNS, published)
    assert [axes.get_title() for axes in drawn.axes] == ["Banknote", "Red wine"]
    ours, theirs, lowest = drawn.axes[1].lines
    assert list(ours.get_ydata()) == [1.0, 1.2, 1.1]
    assert list(theirs.get_ydata()) == [1.6, 1.2, 1.5]
    assert max(ours.get_xdata()) < min(theirs.get_xdata())
    assert set(lowest.get_ydata()) == {1.07}


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("reports/robustness-replicates.csv", "study robustness"),
        ("reports/published_recipe.csv", "study published_recipe"),
    ],
)
def test_a_study_that_is_absent(path, stage):
    Path(path).unlink()
    with pytest.raises(DataError, match=rf"^{path}: no such file; run the stage {stage}$"):
        gather()
