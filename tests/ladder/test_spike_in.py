"""Cells that are really missing: how many, their truth, and proteomics' own imputers."""

import numpy as np
import pandas as pd
import pytest
from ladder_params import ladder
from scipy.stats import norm

from notmiwae.specs import parse_entry
from study.baselines.baseline import baselines
from study.data.sources.source import sources
from study.data.sources.spike_in import SpikeIn


@pytest.fixture(scope="module")
def yeast() -> SpikeIn:
    return parse_entry(sources, ladder()["ladder"]["spikein"], "spikein")


def test_cells_missing_at_the_low_amount_and_known_from_the_high_one(yeast: SpikeIn) -> None:
    masked, truth, spiked = yeast.read(), yeast.truth(), yeast.is_spiked().to_numpy()
    known = masked.isna().to_numpy() & truth.notna().to_numpy()
    assert masked.shape == (2235, 6)
    assert (known[spiked].sum(), known[~spiked].sum()) == (293, 476)
    assert not known[:, 3:].any()
    pd.testing.assert_frame_equal(truth.where(masked.notna()), masked)


def test_the_truth_is_the_high_amount_less_the_ratio_of_amounts(yeast: SpikeIn) -> None:
    masked, truth, spiked = yeast.read(), yeast.truth(), yeast.is_spiked().to_numpy()
    known = masked.isna() & truth.notna()
    high = masked[list(yeast.high)].mean(axis=1, skipna=False)
    for rows, nominal in ((spiked, -1.0), (~spiked, 0.0)):
        for run in yeast.low:
            offset = (truth[run] - high)[known[run] & rows]
            assert offset.std() < 1e-9
            assert offset.mean() == pytest.approx(nominal, abs=0.2)


def censored(rows: int = 20_000) -> tuple[np.ndarray, pd.DataFrame, float]:
    draw = np.random.default_rng(0)
    values = draw.normal(20.0, 2.0, size=(rows, 2))
    limit = norm.ppf(0.25, 20.0, 2.0)
    return values, pd.DataFrame(np.where(values < limit, np.nan, values), columns=["a", "b"]), limit


def test_qrilc_finds_a_gaussian_below_its_limit() -> None:
    values, masked, limit = censored()
    filled = parse_entry(baselines, {"kind": "qrilc"}, "baseline").impute(masked, 0)
    gone = masked.isna().to_numpy()
    assert filled[gone].mean() == pytest.approx(values[gone].mean(), abs=0.1)
    assert filled[gone].std() == pytest.approx(values[gone].std(), abs=0.1)
    assert filled[gone].max() < limit + 0.1
    np.testing.assert_array_equal(filled[~gone], masked.to_numpy()[~gone])


def test_min_prob_draws_around_the_lowest_values_with_the_rows_deviation() -> None:
    _, masked, limit = censored()
    filled = parse_entry(baselines, {"kind": "min_prob"}, "baseline").impute(masked, 0)
    gone = masked.isna().to_numpy()
    whole = masked.dropna().to_numpy()
    half = masked[masked.notna().sum(axis=1) > 1].std(axis=1)
    assert filled[gone].mean() == pytest.approx(np.nanquantile(masked, 0.01), abs=0.05)
    assert filled[gone].std() == pytest.approx(half.median(), rel=0.05)
    assert len(whole) > 0
    assert limit > filled[gone].mean() - 1


@pytest.mark.parametrize("kind", ["qrilc", "min_prob"])
def test_draws_differ_and_a_seed_decides_them(kind: str) -> None:
    _, masked, _ = censored(200)
    baseline = parse_entry(baselines, {"kind": kind, "draws": 3}, "baseline")
    draws = baseline.draw(masked, 5)
    np.testing.assert_array_equal(draws, baseline.draw(masked, 5))
    gone = masked.isna().to_numpy()
    assert draws.shape == (3, 200, 2)
    assert len({draw[gone].tobytes() for draw in draws}) == 3
    assert parse_entry(baselines, {"kind": kind}, "baseline").draw(masked, 5).shape == (0, 200, 2)
