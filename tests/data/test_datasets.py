"""Data sets: the distributions they promise, the published counts, and files that are what they should be."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from notmiwae.errors import DataError
from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.randomness import generator
from notmiwae.specs import parse_spec
from study.data.checksums import verify
from study.data.datasets import DatasetSpec
from study.data.sources.source import sources
from study.run.params_file import read_params

ROOT = Path(__file__).parents[2]
GAUSSIAN = {"kind": "gaussian", "mean": [1.0, -2.0, 0.0], "covariance": [[4, 1, 0], [1, 1, 0.3], [0, 0.3, 2]]}
RING = {"kind": "ring", "radius": 4.5, "spread": 0.5}


def published(name):
    """A data set as params.yaml has it, its file found from anywhere."""
    entry = read_params(ROOT / "params.yaml")["datasets"][name]
    if "file" in entry["source"]:
        entry["source"]["file"] = str(ROOT / entry["source"]["file"])
    return parse_spec(DatasetSpec, entry, name)


def test_gaussian_rows_have_the_mean_and_the_covariance():
    table = sources.parse(GAUSSIAN | {"rows": 40_000}).draw(generator(0))
    covariance = np.array(GAUSSIAN["covariance"])
    sd = np.sqrt(np.diag(covariance))
    assert list(table.columns) == ["x_1", "x_2", "x_3"]
    assert np.abs(table.mean() - GAUSSIAN["mean"]).to_numpy() == pytest.approx(0, abs=5 * sd.max() / 200)
    error = np.outer(sd, sd) * math.sqrt(2 / 40_000)
    assert (np.abs(np.cov(table.T) - covariance) < 5 * error).all()
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), (table - GAUSSIAN["mean"]).T)
    assert kstest(whitened.ravel(), "norm").pvalue > 1e-3


def test_ring_points_have_a_uniform_angle_and_a_gaussian_radius():
    table = sources.parse(RING | {"rows": 20_000}).draw(generator(0)).to_numpy()
    angle, radius = np.arctan2(table[:, 1], table[:, 0]), np.linalg.norm(table, axis=1)
    assert kstest(angle, "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-3
    assert kstest(radius, "norm", args=(4.5, 0.5)).pvalue > 1e-3
    assert abs(np.corrcoef(angle, radius)[0, 1]) < 5 / math.sqrt(20_000)


def test_ring_distance_is_the_median_distance_to_the_circle():
    ring = sources.parse(RING | {"rows": 3})
    points = np.array([[4.5, 0.0], [0.0, 5.5], [0.0, -2.5], [3.5, 0.0], [0.0, 0.0]])
    assert ring.diagnostics(points) == {"ring_distance": pytest.approx(1.0)}
    assert sources.parse(GAUSSIAN | {"rows": 3}).diagnostics(points) == {}


@pytest.mark.parametrize("entry", [GAUSSIAN, RING], ids=["gaussian", "ring"])
def test_a_generator_decides_the_table(entry):
    source = sources.parse(entry | {"rows": 20})
    assert source.draw(generator(1)).equals(source.draw(generator(1)))
    assert not source.draw(generator(1)).equals(source.draw(generator(2)))
    assert not source.fixed


@pytest.mark.parametrize(
    ("name", "rows", "rate"), [("gaussian", 500, 0.5), ("ring", 1500, 0.25), ("mnist", 2000, None)]
)
def test_published_protocols_have_their_rows_and_their_rate(name, rows, rate):
    spec = published(name)
    tables = [spec.source.draw(generator(seed)) for seed in range(1 if spec.source.fixed else 20)]
    masks = [apply_mechanism(spec.mechanism, table, generator(0)).isna().to_numpy() for table in tables]
    assert all(len(table) == rows for table in tables)
    if rate is None:
        # 69.3 of an image's 784 pixels, all of them in a disc of 81.
        assert masks[0].sum() / rows == pytest.approx(69.3, abs=0.05)
        assert masks[0].any(axis=0).sum() <= 81
    else:
        assert not any(mask[:, 1].any() for mask in masks)
        found = np.mean([mask[:, 0].mean() for mask in masks])
        assert found == pytest.approx(rate, abs=5 * math.sqrt(rate * (1 - rate) / (20 * rows)))


# --- files


def test_mnist_is_2000_images_of_784_pixels_between_minus_one_and_one():
    source = published("mnist").source
    table = source.draw(generator(0))
    values = table.to_numpy()
    assert table.shape == (2000, 784)
    assert list(table.columns[[0, -1]]) == ["pixel_0", "pixel_783"]
    assert (values.min(), values.max()) == (-1.0, 1.0)
    assert np.array_equal(np.unique(np.round((values + 1) * 127.5)), np.arange(256))
    # The corners of MNIST's images are empty, and their middles aren't.
    assert (values[:, [0, 27, 756, 783]] == -1).all()
    assert (values[:, 14 * 28 + 14] > -1).mean() > 0.5
    assert source.fixed
    assert table.equals(source.draw(generator(1)))


def test_a_folder_in_the_files_place_is_named(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        verify(tmp_path, "0" * 64)
