"""Figures and tables from small synthetic inputs."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from notmiwae import plot_style as style
from notmiwae.errors import DataError, ParameterError
from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.mechanisms.missing_at_random import MCAR
from notmiwae.mechanisms.regions import AngularSector, DiscThreshold, RandomBlock
from notmiwae.mechanisms.self_masking_mechanism import SelfMaskingLogistic, Threshold
from notmiwae.mechanisms.thresholds import QuantileCut
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.specs import parse_spec
from notmiwae.training.fit import fit
from notmiwae.training.recipe import TrainingSpec
from study.data.datasets import DatasetSpec
from study.data.sources.gaussian import GaussianSource
from study.data.tables import ImputedCells
from study.reporting.dataset_figures import Replicate, draw_figures
from study.reporting.headline_figure import errors
from study.reporting.headline_tables import headline
from study.reporting.image_figures import error_maps, first_of_each, imputations
from study.reporting.imputed_against_true import imputed_against_true
from study.reporting.methods import in_order, method_name
from study.reporting.names import column_name
from study.reporting.plane_scatter import Panel, reconstruction
from study.reporting.process_heatmaps import mechanism_probability, missing_process
from study.reporting.result_files import CURVE_COLUMNS, PUBLISHED_COLUMNS, read_rows
from study.reporting.training_curves import best_runs, bounds
from study.run.grid import GridSpec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plane():
    """A complete table, the same masked above the mean of x_1, and one with x_1 imputed as 9."""
    complete = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["x_1", "x_2"])
    masked = complete.copy()
    masked.loc[complete["x_1"] > complete["x_1"].mean(), "x_1"] = np.nan
    return complete, masked, masked.fillna(9.0).to_numpy()


def shown(figure: Figure) -> list[str]:
    """Titles of the panels that can be seen."""
    return [axes.get_title() for axes in figure.axes if axes.axison and axes.get_title()]


def offsets(axes, colour: str) -> np.ndarray:
    """The points that a panel shows in a colour."""
    found = [
        np.asarray(each.get_offsets())
        for each in axes.collections
        if np.allclose(each.get_facecolor()[0][:3], to_rgba(colour)[:3])
    ]
    return np.concatenate(found)


def results(*rows) -> pd.DataFrame:
    return pd.DataFrame(
        [(d, m, metric, mean, se, n) for d, m, metric, mean, se, n in rows],
        columns=["dataset", "method", "metric", "mean", "se", "replicates"],
    )


OURS = results(
    ("gaussian", "mean", "rmse", 1.7, 0.01, 10),
    ("gaussian", "notmiwae", "rmse", 0.4901, 0.0172, 10),
    ("gaussian", "notmiwae", "crps", 0.2, 0.01, 10),
    ("gaussian", "oracle", "rmse", 0.46, 0.008, 10),
    ("mnist", "mean", "rmse", 0.6, 0.0, 1),
    ("mnist", "notmiwae", "rmse", 0.7, 0.01, 4),
)
PUBLISHED = results(("gaussian", "notmiwae", "rmse", 1.152, np.nan, np.nan))


class TestSave:
    def test_same_figure_gives_the_same_bytes(self, plane, tmp_path):
        complete, masked, filled = plane
        for name in ("a.png", "b.png"):
            drawn = reconstruction(complete, masked, None, [Panel("m", filled)])
            style.save(drawn, tmp_path / "new" / name)
        first, second = (tmp_path / "new" / name for name in ("a.png", "b.png"))
        assert first.read_bytes() == second.read_bytes()
        assert first.read_bytes().startswith(b"\x89PNG")
        assert b"Matplotlib" not in first.read_bytes()

    def test_a_users_settings_change_nothing(self, tmp_path):
        import matplotlib

        style.save(errors(OURS, PUBLISHED, ["gaussian"]), tmp_path / "a.png")
        with matplotlib.rc_context({"font.size": 20, "savefig.bbox": "tight", "lines.linewidth": 9}):
            style.save(errors(OURS, PUBLISHED, ["gaussian"]), tmp_path / "b.png")
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

    def test_error_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(b"old")
        broken = Figure()
        broken.text(0, 0, r"$\nosuchcommand$")
        with pytest.raises(ValueError, match="nosuchcommand"):
            style.save(broken, path)
        assert [each.name for each in tmp_path.iterdir()] == ["a.png"]
        assert path.read_bytes() == b"old"


class TestNames:
    def test_methods_in_reading_order(self):
        assert in_order(["mean", "new", "notmiwae"]) == ["notmiwae", "mean", "new"]
        assert method_name("missforest") == "missForest"
        assert method_name("new") == "new"

    def test_columns(self):
        assert column_name("x_12") == "$x_{12}$"
        assert column_name("price_$") == r"price_\$"


class TestReconstruction:
    def test_panels(self, plane):
        complete, masked, filled = plane
        panels = [Panel(name, filled) for name in "abcde"]
        drawn = reconstruction(complete, masked, Panel("best", filled), panels)
        assert shown(drawn) == ["True data", "Observed", "best", *"abcde"]
        assert len(drawn.axes) == 12
        assert {axes.get_xlabel() for axes in drawn.axes} >= {"$x_{1}$"}
        assert len({(axes.get_xlim(), axes.get_ylim()) for axes in drawn.axes}) == 1
        assert drawn.axes[0].get_xlim()[1] > 9

    def test_imputed_points_stand_apart(self, plane):
        complete, masked, filled = plane
        drawn = reconstruction(complete, masked, None, [Panel("a", filled)])
        lost = masked["x_1"].isna().to_numpy()
        np.testing.assert_array_equal(offsets(drawn.axes[4], style.VERMILION), filled[lost])
        np.testing.assert_array_equal(offsets(drawn.axes[4], style.PALE), filled[~lost])
        np.testing.assert_array_equal(offsets(drawn.axes[0], style.BLUE), complete[lost])
        (rug,) = drawn.axes[1].lines
        np.testing.assert_array_equal(rug.get_ydata(), complete["x_2"][lost])
        texts = [text.get_text() for text in drawn.axes[3].get_legend().get_texts()]
        assert texts[1] == "row that loses $x_{1}$"

    def test_each_column_has_its_rug(self, plane):
        complete, masked, filled = plane
        masked = masked.copy()
        masked.loc[masked.index[masked["x_1"].notna()][:3], "x_2"] = np.nan
        drawn = reconstruction(complete, masked, None, [Panel("a", filled)])
        assert [line.get_marker() for line in drawn.axes[1].lines] == ["|", "_"]

    def test_three_columns(self, plane):
        complete = plane[0].assign(x_3=1.0)
        with pytest.raises(DataError, match="needs 2 columns, found 3"):
            reconstruction(complete, complete, None, [])


class TestMechanismProbability:
    GRID = np.stack(np.meshgrid(np.linspace(-9, 9, 19), np.linspace(-9, 9, 19)), -1).reshape(-1, 2)

    @pytest.mark.parametrize(
        "mechanism",
        [
            Threshold(columns=("x_1",)),
            Threshold(columns=("x_1",), side="lower"),
            Threshold(side="both", cut=QuantileCut(at=0.7)),
            AngularSector(columns=("x_1",), axes=("x_1", "x_2"), start_pi=0.25, stop_pi=0.75),
            MCAR(rate=0.3),
            SelfMaskingLogistic(slope=3.0, rate=0.4),
            SelfMaskingLogistic(slope=3.0, midpoint=0.4, per="unit"),
            DiscThreshold(height=1, width=2, centre=(0, 0), radius=1, threshold=0.5),
            RandomBlock(height=1, width=2, block_height=1, block_width=1),
        ],
        ids=lambda mechanism: mechanism.kind,
    )
    def test_agrees_with_the_mechanism_on_its_own_table(self, plane, mechanism):
        complete = plane[0]
        probability = mechanism_probability(mechanism, complete)
        expected = mechanism.probability(complete)
        np.testing.assert_allclose(probability(complete.to_numpy()), expected)
        # Row by row: none of it depends on which other rows are asked for.
        np.testing.assert_allclose(probability(complete.to_numpy()[:3]), expected[:3])
        everywhere = probability(self.GRID)
        assert everywhere.shape == self.GRID.shape
        assert ((everywhere >= 0) & (everywhere <= 1)).all()

    @pytest.mark.parametrize(
        "mechanism",
        [
            DiscThreshold(height=1, width=2, centre=(0, 0), radius=1, threshold=0.5),
            SelfMaskingLogistic(slope=3.0, midpoint=0.4, per="unit"),
        ],
        ids=lambda mechanism: mechanism.kind,
    )
    def test_what_depends_on_the_value_alone_is_exact_anywhere(self, plane, mechanism):
        probability = mechanism_probability(mechanism, plane[0])
        expected = mechanism.probability(pd.DataFrame(self.GRID, columns=plane[0].columns))
        np.testing.assert_allclose(probability(self.GRID), expected)

    def test_cut_is_the_tables_and_not_the_grids(self, plane):
        complete = plane[0] + 5.0
        probability = mechanism_probability(Threshold(columns=("x_1",)), complete)
        np.testing.assert_array_equal(probability(self.GRID)[:, 0], self.GRID[:, 0] > complete["x_1"].mean())


class TestMissingProcess:
    def test_maps_and_colour_bar(self, plane):
        complete, masked, _ = plane
        truth = mechanism_probability(Threshold(columns=("x_1",)), complete)
        drawn = missing_process(complete, masked, [("True", truth), ("Flat", lambda rows: 0 * rows + 0.2)])
        assert shown(drawn) == ["True", "Flat"]
        first, second, bar = drawn.axes
        assert bar.get_ylabel() == "probability that $x_{1}$ is missing"
        assert [axes.images[0].get_clim() for axes in (first, second)] == [(0, 1), (0, 1)]
        # The contour at 0.5 stands where the probability crosses it, and only there.
        (line,) = [each for each in first.collections if hasattr(each, "levels")]
        x = np.concatenate([path.vertices[:, 0] for path in line.get_paths()])
        np.testing.assert_allclose(x, complete["x_1"].mean(), atol=0.05)
        assert not [each for each in second.collections if hasattr(each, "levels")]

    def test_a_row_for_each_column_that_lost_values(self, plane):
        complete = plane[0]
        masked = complete.mask(complete > 0)
        mechanism = Threshold()
        drawn = missing_process(complete, masked, [("True", mechanism_probability(mechanism, complete))])
        assert shown(drawn) == ["True", "True"]


class TestImages:
    def test_grid(self):
        images = np.linspace(-1, 1, 3 * 49).reshape(3, 49)
        masked = np.where(np.arange(49) == 24, np.nan, images)
        mechanism = DiscThreshold(height=7, width=7, centre=(3, 2), radius=2, threshold=0.5)
        drawn = imputations([("original", images), ("masked", masked)], mechanism)
        assert len(drawn.axes) == 6
        assert [axes.get_ylabel() for axes in drawn.axes] == ["original", "", "", "masked", "", ""]
        (circle,) = drawn.axes[0].patches
        assert circle.center == (2, 3)  # column, row
        assert drawn.axes[3].images[0].get_array().mask.sum() == 1
        colour = drawn.axes[3].images[0].get_cmap().get_bad()
        np.testing.assert_allclose(colour, to_rgba(style.ORANGE))
        assert not imputations([("a", images)], MCAR(rate=0.5)).axes[0].patches

    def test_error_maps(self):
        truth = np.zeros((200, 4))
        missing = np.tile([True, True, False, False], (200, 1))
        missing[:100, 1] = False
        missing[0, 2] = True  # too few to speak of
        means = {"good": truth + 0.1, "bad": np.where(np.arange(200)[:, None] < 100, 3.0, 4.0) + truth}
        drawn = error_maps(means, truth, missing)
        good, bad = (axes.images[0].get_array() for axes in drawn.axes[:2])
        np.testing.assert_allclose(good.filled(-1), [[0.1, 0.1], [-1, -1]])
        np.testing.assert_allclose(bad.filled(-1), [[np.sqrt(12.5), 4], [-1, -1]])
        assert drawn.axes[0].get_title() == "good\n0.100"
        assert drawn.axes[0].images[0].get_clim() == drawn.axes[1].images[0].get_clim() == (0, 4)

    def test_errors(self):
        with pytest.raises(DataError, match="50 pixels aren't square"):
            imputations([("a", np.zeros((1, 50)))], MCAR(rate=0.5))

    def test_first_of_each_label(self):
        assert first_of_each(np.array([5, 0, 5, 1, 0])) == [1, 3, 0]


class TestErrors:
    def test_dots_published_and_limit(self):
        drawn = errors(OURS, PUBLISHED, ["gaussian", "mnist"])
        gaussian, mnist = drawn.axes
        assert shown(drawn) == ["Gaussian", "MNIST"]
        assert [text.get_text() for text in gaussian.get_yticklabels()] == ["not-MIWAE", "mean"]
        top, bottom = gaussian.get_ylim()[::-1]
        assert top < bottom  # the first method on top
        ours, published = gaussian.containers[:2]
        assert list(ours.lines[0].get_xdata()) == [1.7, 0.4901]
        assert list(published.lines[0].get_xdata()) == [1.152]
        assert published.lines[0].get_markerfacecolor() == "none"
        dashed = [line for line in gaussian.lines if line.get_linestyle() == "--"]
        assert [list(line.get_xdata()) for line in dashed] == [[0.46, 0.46]]
        assert not [line for line in mnist.lines if line.get_linestyle() == "--"]
        texts = [text.get_text() for text in drawn.legends[0].get_texts()]
        assert texts == ["this pipeline, ± 1 s.e.", "published", "Bayes-optimal limit"]


class TestCurves:
    CURVE = pd.DataFrame(
        [
            (r, 0, s, t, 0.0, 10.0 * s * (r == 1) - 1 / t - r, True)
            for r in (0, 1)
            for s in (0, 1)
            for t in (50, 100)
        ],
        columns=CURVE_COLUMNS,
    )

    def test_the_best_run_of_each_replicate(self):
        kept = best_runs(self.CURVE)
        assert list(zip(kept["replicate"], kept["start"], strict=True)) == [(0, 0), (0, 0), (1, 1), (1, 1)]

    def test_panels_and_mean(self):
        curves = {("gaussian", model): self.CURVE for model in ("miwae", "notmiwae")}
        drawn = bounds(curves, ["gaussian"])
        assert shown(drawn) == ["Gaussian, not-MIWAE", "Gaussian, MIWAE"]
        assert "p(x_o, s)" in drawn.axes[0].get_ylabel()
        assert "p(x_o)" in drawn.axes[1].get_ylabel()
        *thin, mean = drawn.axes[0].lines
        assert len(thin) == 2
        np.testing.assert_allclose(mean.get_ydata(), np.mean([line.get_ydata() for line in thin], axis=0))

    def test_mean_ends_where_a_replicate_stopped_early(self):
        curve = self.CURVE.drop(index=self.CURVE.index[-1])
        assert list(bounds({("a", "miwae"): curve}, ["a"]).axes[0].lines[-1].get_xdata()) == [50]


class TestImputedAgainstTrue:
    def test_panels(self):
        drawn = imputed_against_true(np.arange(3.0), [("KNN", np.arange(3.0)), ("mean", np.ones(3))])
        assert shown(drawn) == ["KNN", "mean"]


class TestHeadline:
    def test_table(self):
        table = headline(OURS, PUBLISHED, ["gaussian", "mnist"])
        assert table.splitlines() == [
            "| RMSE | Gaussian | published | MNIST | published |",
            "| :-- | --: | --: | --: | --: |",
            "| not-MIWAE | **0.490 ± 0.017** | 1.152 | 0.700 ± 0.010 | – |",
            "| mean | 1.700 ± 0.010 | – | **0.600** | – |",
            "| Bayes-optimal limit | 0.460 ± 0.008 | – | – | – |",
        ]

    def test_without_an_oracle(self):
        table = headline(OURS[OURS["dataset"] == "mnist"], PUBLISHED, ["mnist"])
        assert "Bayes" not in table


class TestResults:
    GRID = GridSpec(datasets=("a", "b"), models=("m",), baselines=("k",), oracles=("b",))

    def test_cells_in_order(self):
        cells = [("a", "m"), ("a", "k"), ("b", "m"), ("b", "k"), ("b", "oracle")]
        assert self.GRID.cells() == cells

    def test_misspelt_section(self):
        with pytest.raises(ParameterError, match=r"run\.oracle: unknown key; did you mean 'oracles'"):
            parse_spec(GridSpec, self.GRID.to_mapping() | {"oracle": []}, "params.yaml: run")

    def test_errors_name_the_file(self, tmp_path):
        path = tmp_path / "cell.csv"
        with pytest.raises(DataError, match=r"cell\.csv: no such file; run the stage"):
            read_rows(path, ["a"])
        path.write_text("")
        with pytest.raises(DataError, match=r"cell\.csv: not a CSV"):
            read_rows(path, ["a"])
        path.write_text("b,c\n1,2\n")
        with pytest.raises(DataError, match=r"cell\.csv: columns b, c; expected a"):
            read_rows(path, ["a"])

    def test_published_file(self):
        published = read_rows(ROOT / "reports/published.csv", PUBLISHED_COLUMNS)
        assert not published.duplicated(["dataset", "method", "metric"]).any()
        rmse = published.set_index(["dataset", "method"])["mean"]
        assert rmse["gaussian", "notmiwae"] == 1.152
        assert rmse["mnist", "knn"] == 0.9353
        assert ("mnist", "missforest") not in rmse.index


class TestDrawFigures:
    def replicate(self, complete, masked) -> Replicate:
        features = len(complete.columns)
        source = GaussianSource(rows=5, mean=(0.0,) * features, covariance=np.eye(features).tolist())
        dataset = DatasetSpec(source=source, mechanism=Threshold(columns=("x_1",)), replicates=1)
        filled = masked.fillna(9.0).to_numpy()
        cells = {
            "notmiwae": ImputedCells.of(masked, filled, [filled]),
            "knn": ImputedCells.of(masked, filled),
        }
        return Replicate(dataset, complete, masked, None, cells, {}, {})

    def test_plane(self, plane, tmp_path):
        complete, masked, _ = plane
        replicate = self.replicate(complete, masked)
        titles = [panel.title for panel in replicate.completions()]
        assert titles == ["not-MIWAE: means", "not-MIWAE: draws", "KNN: means"]
        draw_figures(replicate, tmp_path)
        assert {each.name for each in tmp_path.iterdir()} == {"reconstruction.png", "missing_process.png"}

    def test_images(self, tmp_path):
        images = np.random.default_rng(1).integers(0, 256, (40, 4, 4)).astype(np.uint8)
        np.savez(tmp_path / "images.npz", images=images, labels=np.arange(40) % 3)
        digest = hashlib.sha256((tmp_path / "images.npz").read_bytes()).hexdigest()
        disc = {"kind": "disc_threshold", "height": 4, "width": 4, "centre": [1, 1], "radius": 1}
        source = {"kind": "mnist", "file": tmp_path / "images.npz", "sha256": digest, "images": 40}
        mechanism = {**disc, "threshold": 0.5}
        dataset = DatasetSpec.model_validate({"source": source, "mechanism": mechanism, "replicates": 1})
        complete = dataset.source.draw(None)
        masked = apply_mechanism(dataset.mechanism, complete, np.random.default_rng(2))
        process = processes.parse({"kind": "two_sided", "shared": True})
        training = TrainingSpec(steps=2, samples=2, validation_samples=2, check_every=1)
        table = masked.to_numpy()
        fitted = fit(table, tuple(masked.columns), ModelSpec(latent_size=1), process, training, 3).fitted
        filled = masked.fillna(0.5).to_numpy()
        models = {"notmiwae": ImputedCells.of(masked, filled, [filled, -filled])}
        baselines = {"mean": ImputedCells.of(masked, filled)}
        replicate = Replicate(
            dataset, complete, masked, None, models, baselines, {"notmiwae": [fitted], "miwae": [fitted]}
        )
        draw_figures(replicate, tmp_path / "figures")
        names = {"imputations.png", "draws.png", "errors.png", "missing_process.png"}
        assert {each.name for each in (tmp_path / "figures").iterdir()} == names

    def test_any_other_table(self, plane, tmp_path):
        complete, masked, _ = plane
        draw_figures(self.replicate(complete.assign(x_3=1.0), masked.assign(x_3=1.0)), tmp_path)
        assert [each.name for each in tmp_path.iterdir()] == ["agreement.png"]
