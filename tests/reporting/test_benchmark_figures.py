"""The benchmark's figures show the data they are given, inside the page and without overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from notmiwae.errors import DataError
from notmiwae.mechanisms.self_masking_mechanism import Threshold
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.self_masking import SelfMaskingSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.training.fit import fit
from notmiwae.training.recipe import TrainingSpec
from study.reporting.ablation_and_calibration import ablation, calibration
from study.reporting.critical_difference import critical_differences, groups
from study.reporting.forest_plot import forest
from study.reporting.headline_figure import errors
from study.reporting.learnt_columns import Learnt, learnt_columns, learnt_processes
from study.reporting.methods import METHODS
from study.reporting.missing_rate_figure import missing_rate
from study.reporting.significance import BASELINES, PAIRED_COLUMNS

DATASETS = ["banknote", "concrete", "red", "white", "yeast", "breast"]
MANY = [name for name in METHODS if name not in ("notmiwae", "notmiwae_mechanism", "mean")]


def tidy(metric: str, value) -> pd.DataFrame:
    """Rows of many methods on all data sets."""
    rows = [
        (d, m, metric, value(a, b), 0.02, 5)
        for (a, d), (b, m) in itertools.product(enumerate(DATASETS), enumerate(MANY))
    ]
    return pd.DataFrame(rows, columns=["dataset", "method", "metric", "mean", "se", "replicates"])


def check_texts(figure: Figure) -> None:
    """No text leaves the page, and none lies over another."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    shown = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    # Ticks beyond an axis' limits and the labels of axes that are off aren't drawn.
    page = figure.bbox
    boxes = {}
    hidden = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (axis.get_major_ticks() + axis.get_minor_ticks())
        for label in (tick.label1, tick.label2)
        if not axes.axison or not _inside(axis, tick)
    }
    for text in shown:
        if id(text) not in hidden:
            box = text.get_window_extent()
            where = f"{text.get_text()!r} at {box.extents.round()}"
            assert page.x0 - 1 <= box.x0, where
            assert box.x1 <= page.x1 + 1, where
            assert page.y0 - 1 <= box.y0, where
            assert box.y1 <= page.y1 + 1, where
            boxes[where] = box.padded(-1)
    for (first, one), (second, other) in itertools.combinations(boxes.items(), 2):
        assert not one.overlaps(other), f"{first} over {second}"


def _inside(axis, tick) -> bool:
    low, high = sorted(axis.get_view_interval())
    return low - 1e-9 <= tick.get_loc() <= high + 1e-9


class TestErrors:
    def test_panels_in_rows(self):
        results = tidy("rmse", lambda a, b: 1 + a + b)
        drawn = errors(results, results[results["method"] == "mice"], DATASETS, columns=3, line=0.215)
        assert [axes.get_title() for axes in drawn.axes][:3] == ["Banknote", "Concrete", "Red wine"]
        assert len(drawn.axes) == 6
        ours = drawn.axes[4].containers[0].lines[0]
        assert list(ours.get_xdata()) == results.loc[results["dataset"] == "yeast", "mean"].tolist()
        # No oracle, so none in the legend.
        assert len(drawn.legends[0].get_texts()) == 2
        check_texts(drawn)


class TestForest:
    FOUND = pd.DataFrame(
        [
            (test, against, d, m, "lowrank_standardised", -0.1 * a, 0.01, 500, 0.01, 0.05)
            for test in ("seeds", "rows")
            for against in (BASELINES, "miwae")
            for a, d in enumerate(DATASETS)
            for m in ("notmiwae_known", "ppca")
        ],
        columns=PAIRED_COLUMNS,
    )

    def test_differences_and_intervals(self):
        drawn = forest(self.FOUND, "notmiwae_known", DATASETS)
        left, right = drawn.axes
        assert (left.get_title(), right.get_title()) == ("the best baseline", "MIWAE")
        single, mean = left.containers
        np.testing.assert_allclose(single.lines[0].get_xdata(orig=False), [-0.1 * a for a in range(6)])
        np.testing.assert_allclose(mean.lines[0].get_xdata(orig=False), [-0.25])
        (bars,) = single.lines[2]
        ends = bars.get_segments()[0][:, 0]
        np.testing.assert_allclose(ends, [-0.0196, 0.0196], atol=1e-4)  # t of 499 degrees of freedom
        labels = [label.get_text() for label in left.get_yticklabels()]
        assert labels[0] == "Banknote\n(best: low-rank joint model, standardised)"
        assert labels[-1] == "mean of all"
        assert right.get_xlim()[0] < -0.5 < 0 < right.get_xlim()[1]
        check_texts(drawn)


class TestCriticalDifferences:
    @pytest.mark.parametrize(
        ("ranks", "distance", "expected"),
        [
            ([1, 2, 3, 4], 1.5, [(0, 1), (1, 2), (2, 3)]),
            ([1, 2, 3, 4], 2, [(0, 2), (1, 3)]),
            ([1, 2, 3, 4], 9, [(0, 3)]),
            ([1, 3, 3.5, 9], 1, [(1, 2)]),
            ([1, 3], 1, []),
        ],
    )
    def test_groups(self, ranks, distance, expected):
        assert groups(ranks, distance) == expected

    def test_diagram(self):
        rows = [("all", m, "rank", 1.0 + at) for at, m in enumerate(MANY)]
        rows.append(("all", "all", "critical_difference", 9.5))
        drawn = critical_differences(pd.DataFrame(rows, columns=["dataset", "method", "metric", "mean"]))
        (axes,) = drawn.axes
        bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 3.2]
        assert [list(bar) for bar in bars] == [[r, r + 9] for r in range(1, len(MANY) - 8)]
        texts = [text.get_text() for text in axes.texts]
        assert "critical difference 9.5" in texts
        assert "not-MIWAE, self-masking known  1.0" in texts
        check_texts(drawn)


class TestAblation:
    VARIANTS = ("default", "one", "two")

    def results(self, scale=1.0) -> pd.DataFrame:
        values = {"default": 2.0, "one": 4.0 * scale, "two": 1.0}
        rows = [
            (d, v, metric, values[v] * (1 + a), 0.1, 2)
            for a, d in enumerate(DATASETS)
            for v in values
            for metric in ("rmse", "bound")
        ]
        return pd.DataFrame(rows, columns=["dataset", "method", "metric", "mean", "se", "replicates"])

    @pytest.mark.parametrize("scale", [1.0, 10.0])
    def test_ratios_to_the_first_variant(self, scale):
        drawn = ablation(self.results(scale), DATASETS, self.VARIANTS)
        (axes,) = drawn.axes
        points = [line for line in axes.lines if line.get_marker() not in ("None", "|")]
        assert len(points) == len(DATASETS)
        for line in points:
            np.testing.assert_allclose(line.get_xdata(), [2.0 * scale, 0.5])
        assert len({line.get_marker() for line in points}) == len(points)
        (mean,) = [line for line in axes.lines if line.get_marker() == "|"]
        np.testing.assert_allclose(mean.get_xdata(), [2.0 * scale, 0.5])
        assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
        check_texts(drawn)


class TestCalibration:
    def test_coverage_and_width(self):
        results = pd.concat(
            [
                tidy("coverage90", lambda a, b: 0.5 + 0.05 * a),
                tidy("width90", lambda a, b: 1 + a + b),
                tidy("rmse", lambda a, b: 1.0).assign(method="mean"),
            ]
        )
        drawn = calibration(results, DATASETS)
        left, right = drawn.axes
        assert list(left.lines[2].get_xdata()) == [0.6] * len(MANY)
        assert list(right.lines[0].get_xdata()) == [1.0 + b for b in range(len(MANY))]
        (level,) = [line for line in left.lines if line.get_linestyle() == "--"]
        assert list(level.get_xdata()) == [0.9, 0.9]
        assert len(left.get_yticklabels()) == len(MANY)  # the mean has no draws
        check_texts(drawn)


class TestMissingRate:
    def test_lines_bands_and_shares(self):
        results = pd.DataFrame(
            [
                (d, f"{o:g}", m, "rmse", 1 + at + o, 0.1, 3)
                for d in ("red", "banknote")
                for o in (1, 0, 0.5)
                for at, m in enumerate(["miwae", "mice", "notmiwae_known", "mean"])
            ],
            columns=["dataset", "setting", "method", "metric", "mean", "se", "replicates"],
        )
        shares = {(d, o): 0.5 - 0.3 * o for d in ("red", "banknote") for o in (0.0, 0.5, 1.0)}
        drawn = missing_rate(results, shares, ["banknote", "red"])
        first = drawn.axes[0]
        assert first.get_title() == "Banknote"
        assert [label.get_text() for label in first.get_xticklabels()] == ["0\n50 %", "0.5\n35 %", "1\n20 %"]
        assert first.lines[0].get_label() == "not-MIWAE, self-masking known"
        np.testing.assert_allclose(first.lines[0].get_ydata(), [3, 3.5, 4])  # in the offsets' order
        low, high = first.collections[0].get_paths()[0].get_extents().intervaly
        assert (low, high) == pytest.approx((2.9, 4.1))
        assert len(drawn.legends[0].get_texts()) == 4
        check_texts(drawn)


class TestLearnt:
    COMPLETE = pd.DataFrame(
        np.random.default_rng(0).normal(size=(80, 3)), columns=["x_1", "mean_radius", "third"]
    )
    MECHANISM = Threshold(columns=("x_1", "mean_radius"))
    MASKED = COMPLETE.mask(MECHANISM.probability(COMPLETE) > 0.5)

    def fitted(self, process, seed):
        training = TrainingSpec(steps=4, check_every=2)
        values, names = self.MASKED.to_numpy(), tuple(self.MASKED.columns)
        return [fit(values, names, ModelSpec(latent_size=1), process, training, seed).fitted]

    def test_columns_that_lost_values(self):
        models = [self.fitted(SelfMaskingSpec(), seed) for seed in (1, 2)]
        columns = [*learnt_columns("red", self.COMPLETE, self.MASKED, self.MECHANISM, models)]
        assert [each.column for each in columns] == ["x_1", "mean_radius"]
        first = columns[0]
        np.testing.assert_array_equal(first.true, first.x > self.COMPLETE["x_1"].mean())
        assert first.curves.shape == (2, len(first.x))
        # Self-masking: what stands in the other columns makes no difference.
        rows = np.tile(self.COMPLETE.to_numpy()[0], (len(first.x), 1))
        rows[:, 0] = first.x
        expected = models[0][0].missing_probability(rows)[:, 0]
        np.testing.assert_allclose(first.curves[0], expected, atol=1e-6)
        few = learnt_columns("red", self.COMPLETE, self.MASKED, self.MECHANISM, models, columns=[0])
        assert len([*few]) == 1

    def test_a_model_without_a_missing_process(self):
        models = [self.fitted(IgnorableSpec(), 1)]
        with pytest.raises(DataError, match="red: the model has no missing process"):
            [*learnt_columns("red", self.COMPLETE, self.MASKED, self.MECHANISM, models)]

    def test_panels(self):
        x = np.linspace(-1, 1, 11)
        panels = [
            Learnt(d, f"column {c}", np.linspace(-2, 2, 50), x, (x > 0) * 1.0, np.stack([x * 0, x * 0 + 0.5]))
            for d, count in (("banknote", 1), ("red", 4), ("yeast", 3))
            for c in range(count)
        ]
        drawn = learnt_processes(panels)
        seen = [axes for axes in drawn.axes if axes.axison]
        assert [axes.get_title() for axes in seen] == [each.column for each in panels]
        assert [axes.get_ylabel() for axes in seen if axes.get_ylabel()] == ["Banknote", "Red wine", "Yeast"]
        one, other, true, values = seen[0].lines
        np.testing.assert_array_equal(one.get_ydata(), x * 0)
        np.testing.assert_array_equal(other.get_ydata(), x * 0 + 0.5)
        np.testing.assert_array_equal(true.get_ydata(), x > 0)
        assert np.abs(values.get_xdata()).max() <= 1
        check_texts(drawn)
