"""What a mechanism promises: its published counts, its rate, its direction, and its complaints."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmiwae.errors import DataError, ParameterError
from notmiwae.mechanisms.mechanism import apply_mechanism, mechanisms
from notmiwae.randomness import generator
from notmiwae.specs import parse_entry

MNIST = Path(__file__).parents[2] / "data" / "mnist" / "train-first-2000.npz"

rates = st.floats(0.01, 0.95)
slopes = st.floats(0.1, 30).flatmap(lambda size: st.sampled_from([size, -size]))
seeds = st.integers(0, 2**32 - 1)
# Derandomised: a bound of 5 standard deviations is rare to fail by chance, and so never does on a rerun.
statistical = settings(max_examples=40, deadline=None, derandomize=True)

DISC = {"height": 28, "width": 28, "centre": [14, 14], "radius": 5, "threshold": 0.5}


def mechanism(kind, **fields):
    return parse_entry(mechanisms, {"kind": kind, **fields}, "mechanism")


def gaussian(rows=500, seed=0):
    values = generator(seed, "table").multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], rows)
    return pd.DataFrame(values, columns=["x_1", "x_2"])


def skewed(rows=2000, seed=0):
    draw = generator(seed, "skewed")
    return pd.DataFrame(
        {
            "lognormal": draw.lognormal(sigma=2, size=rows),
            "negative": -draw.lognormal(sigma=2, size=rows),
            "binary": draw.integers(0, 2, rows),
            "driver": draw.lognormal(sigma=2, size=rows),
        }
    )


def assert_rate(mask, rate):
    """A sum of independent Bernoullis varies at most as the binomial of their mean probability."""
    sd = np.sqrt(rate * (1 - rate) / len(mask))
    assert np.all(np.abs(mask.mean(axis=0) - rate) < 5 * sd)


# --- the published mechanisms


def test_poster_gaussian_masks_exactly_what_exceeds_the_mean():
    table = gaussian(4000)
    mask = mechanism("threshold", columns=["x_1"]).missing(table, generator(0))
    assert np.array_equal(mask[:, 0], table["x_1"] > table["x_1"].mean())
    assert not mask[:, 1].any()
    assert_rate(mask[:, :1], 0.5)


def test_poster_ring_masks_a_quarter_and_imputing_zero_has_the_published_optimal_error():
    draw = generator(0, "ring")
    angle, radius = draw.uniform(-np.pi, np.pi, 200_000), draw.normal(4.5, 0.5, 200_000)
    table = pd.DataFrame({"x_1": radius * np.cos(angle), "x_2": radius * np.sin(angle)})
    entry = {"columns": ["x_1"], "axes": ["x_1", "x_2"], "start_pi": 0.25, "stop_pi": 0.75}
    mask = mechanism("angular_sector", **entry).missing(table, generator(0))
    assert np.array_equal(mask[:, 0], np.abs(angle - np.pi / 2) <= np.pi / 4)
    assert not mask[:, 1].any()
    assert np.sqrt(np.mean(table["x_1"][mask[:, 0]] ** 2)) == pytest.approx(1.930, abs=0.01)


def test_poster_mnist_has_81_disc_pixels_and_69_3_missing_an_image():
    images = np.load(MNIST)["images"].reshape(2000, 784) / 127.5 - 1
    table = pd.DataFrame(images, columns=[f"pixel_{j}" for j in range(784)])
    disc = mechanism("disc_threshold", **DISC)
    masked = apply_mechanism(disc, table, generator(0))
    assert disc.disc().shape == (28, 28)
    assert disc.disc().sum() == 81
    assert round(masked.isna().to_numpy().sum(axis=1).mean(), 1) == 69.3


# --- each mechanism's mathematics


@given(rate=rates, seed=seeds)
@statistical
def test_mcar_meets_its_rate_in_every_column(rate, seed):
    mask = mechanism("mcar", rate=rate).missing(skewed(), generator(seed))
    assert_rate(mask, rate)


@given(rate=rates, slope=slopes, seed=seeds)
@statistical
def test_self_masking_logistic_meets_its_rate_in_every_column(rate, slope, seed):
    table = skewed(seed=seed)
    logistic = mechanism("self_masking_logistic", rate=rate, slope=slope)
    np.testing.assert_allclose(logistic.probability(table).mean(axis=0), rate, rtol=1e-6)
    assert_rate(logistic.missing(table, generator(seed, "mask")), rate)


@given(rate=rates, slope=slopes)
@statistical
def test_self_masking_logistic_is_a_sigmoid_of_its_slope_in_standard_deviations(rate, slope):
    table = gaussian()
    p = mechanism("self_masking_logistic", rate=rate, slope=slope / 30).probability(table)
    steepness = np.diff(np.log(p / (1 - p)), axis=0) / np.diff(table / table.std(ddof=0), axis=0)
    np.testing.assert_allclose(steepness, slope / 30, rtol=1e-6)


def test_self_masking_logistic_with_a_negative_slope_masks_low_values():
    table = gaussian()
    mask = mechanism("self_masking_logistic", columns=["x_1"], rate=0.3, slope=-8).missing(
        table, generator(0)
    )
    missing, observed = table["x_1"][mask[:, 0]], table["x_1"][~mask[:, 0]]
    assert missing.mean() < observed.mean() - 1
    assert not mask[:, 1].any()


def test_self_masking_logistic_midpoint_is_where_half_go_missing_in_the_columns_units():
    table = pd.DataFrame({"x": [10.0, 20.0, 30.0, 70.0]})
    p = mechanism("self_masking_logistic", midpoint=20, slope=3).probability(table)[:, 0]
    assert p[1] == pytest.approx(0.5)
    assert p[3] == pytest.approx(1 / (1 + np.exp(-3 * 50 / table["x"].std(ddof=0))))


@given(rate=rates, slope=slopes, seed=seeds)
@statistical
def test_mar_logistic_meets_its_rate_spares_its_drivers_and_follows_them(rate, slope, seed):
    table = skewed(seed=seed)
    mar = mechanism("mar_logistic", given=["driver"], rate=rate, slope=slope)
    p = mar.probability(table)
    mask = mar.missing(table, generator(seed, "mask"))
    assert not mask[:, 3].any()
    assert_rate(mask[:, :3], rate)
    along = np.diff(p[np.argsort(table["driver"].to_numpy()), 0])
    assert np.all(np.sign(slope) * along >= 0)
    assert np.any(along != 0)


def test_mar_logistic_weights_set_each_drivers_share_and_sign():
    table = skewed()
    fields = {"columns": ["binary"], "rate": 0.4, "slope": 1}
    given_ = ["driver", "negative"]
    both = mechanism("mar_logistic", given=given_, weights=[0, -2], **fields).probability(table)
    one = mechanism("mar_logistic", given=["negative"], **(fields | {"slope": -1})).probability(table)
    np.testing.assert_allclose(both, one, atol=1e-9)


COLUMN = pd.DataFrame({"x": [-3.0, -1.0, 0.0, 1.0, 3.0]})


@pytest.mark.parametrize(
    ("cut", "side", "missing"),
    [
        (1, "upper", [3]),
        (-1.0, "lower", [-3]),
        (1, "both", [-3, 3]),
        ({"statistic": "value", "at": 0}, "both", [-3, -1, 1, 3]),
        ({"statistic": "mean"}, "upper", [1, 3]),
        ({"statistic": "mean"}, "lower", [-3, -1]),
        ({"statistic": "mean", "offset_sd": 1.4}, "both", [-3, 3]),
        ({"statistic": "mean", "offset_sd": -1.4}, "upper", [-1, 0, 1, 3]),
        ({"statistic": "quantile", "at": 0.75}, "upper", [3]),
        ({"statistic": "quantile", "at": 0.25}, "lower", [-3]),
        ({"statistic": "quantile", "at": 0.75}, "both", [-3, 3]),
        ({"statistic": "quantile", "at": 0.5}, "both", [-3, -1, 1, 3]),
    ],
)
def test_threshold_is_strict_at_each_cut_and_side(cut, side, missing):
    mask = mechanism("threshold", cut=cut, side=side).missing(COLUMN, generator(0))
    assert COLUMN["x"][mask[:, 0]].tolist() == missing


@given(shift=st.floats(-100, 100), at=st.floats(0.5, 0.99))
@statistical
def test_statistics_cuts_move_with_the_column(shift, at):
    table = gaussian()
    for cut in ({"statistic": "mean", "offset_sd": 2 * at}, {"statistic": "quantile", "at": at}):
        threshold = mechanism("threshold", cut=cut, side="both")
        before, after = threshold.probability(table), threshold.probability(table + shift)
        # Rounding can move a value that lies on a quantile across it.
        assert np.mean(before != after) < 0.01


@pytest.mark.parametrize(
    ("start", "stop", "inside"),
    [
        (0.25, 0.75, [45, 90, 135]),
        (-0.25, 0.25, [0, 45, 315]),
        (0.75, 1.25, [135, 180, 225]),
        (-1, -0.5, [180, 225, 270]),
    ],
)
def test_sector_is_closed_and_may_cross_pi(start, stop, inside):
    points = {0: (1, 0), 45: (1, 1), 90: (0, 1), 135: (-1, 1), 180: (-1, 0), 225: (-1, -1), 270: (0, -1)}
    points[315] = (1, -1)
    table = pd.DataFrame(points.values(), columns=["a", "b"], index=points.keys(), dtype=float)
    entry = {"columns": ["b"], "axes": ["a", "b"], "start_pi": start, "stop_pi": stop}
    masked = apply_mechanism(mechanism("angular_sector", **entry), table, generator(0))
    assert sorted(masked.index[masked["b"].isna()]) == inside


def test_disc_threshold_takes_pixels_row_by_row():
    table = pd.DataFrame(np.array([[1.0] * 6, [0.2] * 6]), columns=list("abcdef"))
    entry = {"height": 2, "width": 3, "centre": [1, 0], "radius": 1, "threshold": 0.2}
    masked = apply_mechanism(mechanism("disc_threshold", **entry), table, generator(0))
    assert masked.isna().to_numpy().tolist() == [[True, False, False, True, True, False], [False] * 6]


def test_a_slope_per_unit_is_the_same_in_every_column():
    """The clip of bright pixels, W = −50 and b = 0.75 on [0, 1] (Ipsen et al. 2021, §4.3), on [−1, 1]."""
    table = pd.DataFrame({"black": [-1.0] * 5, "any": [-1.0, 0.4, 0.5, 0.6, 1.0]})
    clip = mechanism("self_masking_logistic", slope=25, midpoint=0.5, per="unit")
    x = (table.to_numpy() + 1) / 2
    assert clip.probability(table) == pytest.approx(1 / (1 + np.exp(-50 * (x - 0.75))))
    constant = mechanism("self_masking_logistic", slope=25, rate=0.3, per="unit").probability(table)
    assert constant.mean(axis=0) == pytest.approx([0.3, 0.3])


BLOCK = {"height": 5, "width": 4, "block_height": 3, "block_width": 2}


def test_a_random_block_is_one_rectangle_of_each_image_with_the_stated_probability():
    table = pd.DataFrame(np.ones((4000, 20)))
    block = mechanism("random_block", **BLOCK)
    mask = block.missing(table, generator(0))
    images = mask.reshape(-1, 5, 4)
    rows, columns = images.any(2), images.any(1)
    assert (rows.sum(1) == 3).all()
    assert (columns.sum(1) == 2).all()
    assert (images == rows[:, :, None] & columns[:, None, :]).all()
    assert (np.diff(rows, axis=1).sum(1) <= 2).all()  # without a gap
    assert (np.diff(columns, axis=1).sum(1) <= 2).all()
    assert mask.mean(axis=0) == pytest.approx(block.probability(table)[0], abs=0.04)
    assert block.probability(table).sum(axis=1) == pytest.approx(6)


def test_a_block_as_large_as_the_image_leaves_nothing():
    whole = mechanism("random_block", height=2, width=2, block_height=2, block_width=2)
    assert whole.missing(pd.DataFrame(np.ones((3, 4))), generator(0)).all()


# --- applying one

RANDOM = [
    {"kind": "mcar", "columns": ["lognormal"], "rate": 0.3},
    {"kind": "mar_logistic", "given": ["driver"], "rate": 0.3, "slope": 2, "allow_empty_rows": True},
    {"kind": "self_masking_logistic", "columns": ["lognormal", "binary"], "rate": 0.3, "slope": 2},
]


SQUARE = {"height": 2, "width": 2}
ROWWISE = [
    ({"kind": "mcar", "rate": 0.3}, True),
    ({"kind": "angular_sector", "columns": ["a"], "axes": ["a", "b"], "start_pi": 0, "stop_pi": 0.7}, True),
    ({"kind": "disc_threshold", **SQUARE, "centre": [0, 0], "radius": 1, "threshold": 0.5}, True),
    ({"kind": "random_block", **SQUARE, "block_height": 1, "block_width": 2}, True),
    ({"kind": "self_masking_logistic", "slope": 2.0, "midpoint": 0.3, "per": "unit"}, True),
    ({"kind": "self_masking_logistic", "slope": 2.0, "rate": 0.3, "per": "unit"}, False),
    ({"kind": "self_masking_logistic", "slope": 2.0, "midpoint": 0.3}, False),
    ({"kind": "threshold"}, False),
    ({"kind": "mar_logistic", "columns": ["a"], "given": ["b"], "slope": 2.0, "rate": 0.3}, False),
]


@pytest.mark.parametrize(("entry", "rowwise"), ROWWISE, ids=lambda value: str(value)[:40])
def test_a_mechanism_is_rowwise_if_the_other_rows_change_no_probability(entry, rowwise):
    found = mechanism(**entry)
    table = pd.DataFrame(generator(0, "rowwise").normal(size=(40, 4)), columns=list("abcd"))
    half = table[:20] + 0.0
    assert found.rowwise is rowwise
    assert np.array_equal(found.probability(half), found.probability(table)[:20]) is rowwise


@pytest.mark.parametrize("entry", RANDOM, ids=lambda entry: entry["kind"])
def test_a_seed_decides_the_mask_and_the_table_is_left_alone(entry):
    table = skewed()
    before = table.copy(deep=True)
    random = parse_entry(mechanisms, entry, "mechanism")
    first, again, other = (apply_mechanism(random, table, generator(seed)) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    kept = first.notna().to_numpy()
    np.testing.assert_array_equal(first.to_numpy()[kept], table.to_numpy()[kept])


def test_columns_that_a_mechanism_does_not_need_may_hold_anything():
    table = gaussian().assign(name="a", hole=np.nan)
    masked = apply_mechanism(mechanism("mcar", columns=["x_1"], rate=0.5), table, generator(0))
    pd.testing.assert_frame_equal(masked.drop(columns="x_1"), table.drop(columns="x_1"))


def test_empty_rows_are_an_error_unless_allowed():
    table = gaussian()
    with pytest.raises(DataError, match=r"every value of \d+ of 500 rows, first row \d+; .*allow_empty_rows"):
        apply_mechanism(mechanism("mcar", rate=0.5), table, generator(0))
    allowed = mechanism("mcar", rate=0.5, allow_empty_rows=True)
    assert apply_mechanism(allowed, table, generator(0)).isna().all(axis=1).any()


@pytest.mark.parametrize(("width", "half"), [(2, 1), (4, 2), (9, 4), (11, 5)])
def test_the_first_half_of_the_columns_is_rounded_down(width, half):
    table = pd.DataFrame(generator(0).normal(size=(50, width)), columns=[f"x{j}" for j in range(width)])
    threshold = mechanism("threshold", columns="first_half")
    named = mechanism("threshold", columns=list(table.columns[:half]))
    assert threshold.targets(table) == named.targets(table)
    assert np.array_equal(threshold.probability(table), named.probability(table))
    assert threshold.to_mapping()["columns"] == "first_half"


def test_the_first_half_leaves_drivers_complete():
    fields = {"rate": 0.3, "slope": 1, "columns": "first_half"}
    table = skewed()
    assert mechanism("mar_logistic", given=["binary"], **fields).targets(table) == ["lognormal", "negative"]
    assert mechanism("mar_logistic", given=["negative"], **fields).targets(table) == ["lognormal"]


HOLE = gaussian().mask(np.eye(500, 2, dtype=bool))
SECTOR = {"kind": "angular_sector", "columns": ["x_1"], "axes": ["x_1", "x_2"], "start_pi": 0, "stop_pi": 1}
MAR = {"kind": "mar_logistic", "given": ["x_2"], "rate": 0.5, "slope": 1}
SELF = {"kind": "self_masking_logistic", "rate": 0.5, "slope": 1}


@pytest.mark.parametrize(
    ("entry", "table", "message"),
    [
        ({"kind": "mcar", "rate": 0.1, "columns": ["x1"]}, gaussian(), "no column 'x1'.*accepted: x_1, x_2"),
        (SECTOR | {"axes": ["x_1", "y"]}, gaussian(), "no column 'y'"),
        (MAR | {"given": ["y"]}, gaussian(), "no column 'y'"),
        (MAR | {"given": ["x_1", "x_2"]}, gaussian(), "500 rows and 0 columns to mask"),
        (MAR, HOLE, r"column 'x_1' holds 1 NaN or infinite values, the first in row 0"),
        (MAR, gaussian() * [1, np.inf], "column 'x_2' holds 500 NaN or infinite"),
        (SECTOR, gaussian().assign(x_2="a"), "column 'x_2' holds .*, expected numbers"),
        (MAR, gaussian() * [1, 0], "column 'x_2' is constant"),
        (MAR | {"given": ["x_2"], "weights": [0]}, gaussian(), "weighted sum of `given` is constant"),
        (SELF, gaussian() * [0, 1] + 0.1, "column 'x_1' is constant"),
        (SELF, gaussian().iloc[:0], "0 rows and 2 columns to mask"),
        (SELF, gaussian()[["x_1", "x_1"]], "two columns are called 'x_1'"),
        ({"kind": "mcar", "rate": 0.5, "columns": "first_half"}, gaussian()[["x_1"]], "0 columns to mask"),
        ({"kind": "disc_threshold", **DISC}, gaussian(), "2 columns, expected the 784 pixels"),
        ({"kind": "random_block", **BLOCK}, gaussian(), "2 columns, expected the 20 pixels"),
        (
            {"kind": "threshold", "cut": -100, "columns": ["x_1"]},
            gaussian(),
            "threshold: mask removes all 500 values of column 'x_1'; lower the rate",
        ),
        ({"kind": "threshold", "cut": -100}, gaussian(), r"column 'x_1' \(and of 1 more\)"),
    ],
)
def test_an_unusable_table_is_named_in_one_line(entry, table, message):
    with pytest.raises(DataError, match=message) as raised:
        apply_mechanism(parse_entry(mechanisms, entry, "mechanism"), table, generator(0))
    assert "\n" not in str(raised.value)


DISC_ENTRY = {"kind": "disc_threshold", **DISC}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "mcar", "rate": 0}, r"mechanism.rate: .*greater than 0 \(found 0\)"),
        ({"kind": "mcar", "rate": 1}, r"mechanism.rate: .*less than 1 \(found 1\)"),
        ({"kind": "mcar", "rate": float("nan")}, "mechanism.rate"),
        ({"kind": "mcar", "rate": 0.1, "columns": []}, "mechanism.columns: .*at least 1"),
        (
            {"kind": "mcar", "rate": 0.1, "columns": "frist_half"},
            "mechanism.columns: .*first_half, or a list",
        ),
        ({"kind": "mcar", "rate": 0.1, "columns": [1]}, "mechanism.columns: .*first_half, or a list"),
        ({"kind": "mcar", "rate": 0.1, "columns": ["a", "a"]}, "columns names 'a' twice"),
        (MAR | {"columns": ["x_1", "x_2"]}, "'x_2' is in columns and in given"),
        (MAR | {"given": ["a", "a"]}, "given names 'a' twice"),
        (MAR | {"weights": [1, 2]}, "weights holds 2 numbers, given 1 columns"),
        (MAR | {"slope": 0}, "mechanism.slope: .*use kind: mcar"),
        (SELF | {"slope": 0}, "mechanism.slope: .*use kind: mcar"),
        (SELF | {"midpoint": 1}, "exactly one of rate and midpoint"),
        (
            {"kind": "random_block", **BLOCK, "block_width": 5},
            "a block of 3 x 5 doesn't fit into an image of 5 x 4",
        ),
        ({"kind": "self_masking_logistic", "slope": 1}, "exactly one of rate and midpoint"),
        (
            {"kind": "threshold", "cut": {"statistic": "median"}},
            "mechanism.cut: .*'median'.*'value', 'mean', 'quantile'",
        ),
        ({"kind": "threshold", "cut": True}, "mechanism.cut: a cut is a number, or .*found True"),
        ({"kind": "threshold", "cut": {"offset_sd": 1}}, "mechanism.cut: a cut is .*`statistic`"),
        ({"kind": "threshold", "cut": float("inf")}, "mechanism.cut.value.at: .*finite"),
        ({"kind": "threshold", "cut": {"statistic": "quantile", "at": 1}}, "mechanism.cut.quantile.at"),
        ({"kind": "threshold", "side": "left"}, "mechanism.side: .*'upper', 'lower' or 'both'"),
        ({"kind": "threshold", "side": "both", "cut": -1}, "0 or more, found -1"),
        (
            {"kind": "threshold", "side": "both", "cut": {"statistic": "quantile", "at": 0.2}},
            "0.5 or more, found 0.2",
        ),
        (SECTOR | {"stop_pi": 0}, "stop_pi must exceed start_pi by less than 2, found 0 to 0"),
        (SECTOR | {"stop_pi": 2}, "stop_pi must exceed start_pi"),
        (SECTOR | {"axes": ["x_1", "x_1"]}, "axes names 'x_1' twice"),
        (SECTOR | {"columns": None}, "mechanism.columns"),
        (DISC_ENTRY | {"radius": 0}, "mechanism.radius: .*greater than 0"),
        (DISC_ENTRY | {"threshold": -0.5}, "mechanism.threshold"),
        (DISC_ENTRY | {"centre": [50, 50]}, "holds no pixel of the 28 x 28 image"),
    ],
)
def test_a_parameter_out_of_range_is_named_in_one_line(entry, message):
    with pytest.raises(ParameterError, match=message) as raised:
        parse_entry(mechanisms, entry, "mechanism")
    assert "\n" not in str(raised.value)
