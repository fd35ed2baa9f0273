"""The comparison of reports complains of what differs, and of nothing else."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imsave

from notmiwae.errors import DataError
from study.reproduction.compare import Tolerance, compare

TOLERANCE = Tolerance(relative=0.03, absolute=0.01, pixels=0.02)
HEADER = "dataset,method,metric,mean,se,replicates\n"


@pytest.fixture
def reports(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal report folders."""
    before, after = tmp_path / "before", tmp_path / "after"
    (before / "metrics").mkdir(parents=True)
    (before / "results.csv").write_text(HEADER + "ring,knn,rmse,3.05,0.02,10\n")
    (before / "metrics/ring-knn.json").write_text('{"rmse": 3.05}')
    (before / "timings.csv").write_text("ring,knn,fit_seconds,1.0\n")
    imsave(before / "rmse.png", np.full((8, 8), 0.5), cmap="gray", vmin=0, vmax=1)
    shutil.copytree(before, after)
    return before, after


@pytest.mark.parametrize("tolerance", [None, TOLERANCE])
def test_equal_reports_pass(reports: tuple[Path, Path], tolerance: Tolerance | None) -> None:
    assert compare(*reports, tolerance) == []


@pytest.mark.parametrize("tolerance", [None, TOLERANCE])
def test_a_value_beyond_the_tolerance_is_named(
    reports: tuple[Path, Path], tolerance: Tolerance | None
) -> None:
    before, after = reports
    (before / "results.csv").write_text(HEADER + "ring,knn,rmse,2.80,0.02,10\n")
    assert compare(before, after, tolerance) == ["results.csv: ring knn rmse: was 2.8, is 3.05"]


def test_settings_of_a_study_are_told_apart(reports: tuple[Path, Path]) -> None:
    for folder, first in zip(reports, ("1.1", "9.9"), strict=True):
        rows = f"red,0,mice,rmse,{first},0,1\nred,0.5,mice,rmse,2.2,0,1\n"
        (folder / "study.csv").write_text("dataset,setting,method,metric,mean,se,replicates\n" + rows)
    assert compare(*reports, TOLERANCE) == ["study.csv: red 0 mice rmse: was 1.1, is 9.9"]


def test_a_value_within_the_tolerance_passes_only_elsewhere(reports: tuple[Path, Path]) -> None:
    before, after = reports
    (after / "metrics/ring-knn.json").write_text('{"rmse": 3.10}')
    assert compare(before, after, TOLERANCE) == []
    assert compare(before, after, None) == ["metrics/ring-knn.json: rmse: was 3.05, is 3.1"]


def test_a_value_that_vanished_or_appeared_is_named(reports: tuple[Path, Path]) -> None:
    before, after = reports
    (after / "metrics/ring-knn.json").write_text('{"crps": 3.05}')
    found = compare(before, after, TOLERANCE)
    assert found == ["metrics/ring-knn.json: crps: new", "metrics/ring-knn.json: rmse: missing now"]


def test_files_that_vanished_or_appeared_are_named(reports: tuple[Path, Path]) -> None:
    before, after = reports
    (after / "rmse.png").rename(after / "other.png")
    assert compare(before, after, TOLERANCE) == [
        "rmse.png: was not made again",
        "other.png: is new; commit it",
    ]


def test_pictures_are_compared_by_their_pixels(reports: tuple[Path, Path]) -> None:
    before, after = reports
    imsave(after / "rmse.png", np.full((8, 8), 0.51), cmap="gray", vmin=0, vmax=1)
    assert compare(before, after, TOLERANCE) == []
    assert compare(before, after, None) == ["rmse.png: its bytes differ"]
    imsave(after / "rmse.png", np.full((8, 8), 0.9), cmap="gray", vmin=0, vmax=1)
    assert len(compare(before, after, TOLERANCE)) == 1


def test_timings_are_not_compared(reports: tuple[Path, Path]) -> None:
    before, after = reports
    (after / "timings.csv").write_text("ring,knn,fit_seconds,2.0\n")
    assert compare(before, after, None) == []


def test_a_results_file_that_is_none_is_an_error(reports: tuple[Path, Path]) -> None:
    before, after = reports
    (before / "metrics/ring-knn.json").write_text("not json")
    with pytest.raises(DataError, match=r"ring-knn\.json"):
        compare(before, after, TOLERANCE)
