"""Members on rows drawn with replacement, and what is pooled of their draws."""

import numpy as np
import pandas as pd
import pytest
from user_tables import QUICK, mixed

from notmiwae import MIWAEImputer, NotMIWAEImputer
from notmiwae.estimators.pooling import pool, pool_means
from notmiwae.estimators.sensitivity import sensitivity

silent = pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")


def test_intervals_are_wider_where_it_counts_that_members_take_turns():
    draw = np.random.default_rng(4)
    x = draw.normal(size=60)
    table = np.column_stack([x, x + 0.6 * draw.normal(size=60)])
    table[::2, 1] = np.nan
    draws = MIWAEImputer(**QUICK | {"members": 4}, bootstrap=True).fit(table).sample(table, 40)
    estimates, variances = (
        [drawn[:, 1].mean() for drawn in draws],
        [drawn[:, 1].var() / 60 for drawn in draws],
    )
    one, turns = (pool(estimates, variances, 59, members=members) for members in (1, 4))
    assert one.estimate == pytest.approx(turns.estimate)
    assert turns.upper - turns.lower > one.upper - one.lower


@silent
def test_it_is_kept_with_the_imputer_and_changes_nothing_seen(tmp_path):
    table = mixed()
    imputer = NotMIWAEImputer("low", bootstrap=True, **QUICK).fit(table)
    imputer.save(tmp_path / "model")
    kept = NotMIWAEImputer.load(tmp_path / "model")
    assert kept.bootstrap
    filled = kept.transform(table)
    assert filled.equals(imputer.transform(table))
    assert filled.where(table.notna()).equals(table)
    assert not filled.equals(NotMIWAEImputer("low", **QUICK).fit_transform(table))


@silent
def test_sensitivity_counts_the_turns_of_members_on_drawn_rows():
    draw = np.random.default_rng(4)
    x = draw.normal(size=60)
    table = pd.DataFrame({"x": x, "y": x + 0.6 * draw.normal(size=60)})
    table.loc[::2, "y"] = np.nan
    options = {**QUICK, "members": 4, "bootstrap": True}
    row = sensitivity(table, ["y"], ["mar"], n_draws=40, **options).table.set_index("assumption").loc["mar"]
    draws = NotMIWAEImputer("mcar", **options).fit(table).sample(table, 40)
    pooled = pool_means([drawn["y"].to_numpy() for drawn in draws], members=4)
    assert row["mean"] == pytest.approx(float(pooled.estimate))
    assert row["standard_error"] == pytest.approx(float(pooled.standard_error))
