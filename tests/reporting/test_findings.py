"""What the benchmark finds: agreement with published values, tests, averages, and the page of it all."""

import numpy as np
import pandas as pd
import pytest

from notmiwae.errors import DataError
from study.evaluation.replicates import summarise
from study.reporting.benchmark_tables import summary_table
from study.reporting.headline_tables import Measure, headline
from study.reporting.methods import method_name
from study.reporting.names import datasets_in_order
from study.reporting.page_template import fill, read_template
from study.reporting.published_verdicts import (
    HIGHER,
    LOWER,
    REPRODUCED,
    counts,
    verdict_table,
    verdicts,
    with_recipes,
)
from study.reporting.result_files import averaged, read_rows
from study.reporting.significance import equal_or_less, intervals, paired, paired_table, ranking

METHODS = ["notmiwae_known", "notmiwae_selfmasking", "miwae", "mice", "knn"]
COLUMNS = ["dataset", "method", "metric", "mean", "se", "replicates"]


def rows(*values) -> pd.DataFrame:
    return pd.DataFrame(values, columns=COLUMNS)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("ours", "error", "replicates", "published", "published_error", "verdict"),
        [
            (1.02, 0.0, 5, 1.00, 0.00, REPRODUCED),  # within 0.02
            (1.021, 0.0, 5, 1.00, 0.00, HIGHER),
            (1.09, 0.03, 5, 1.00, 0.04, REPRODUCED),  # 2 · 0.05
            (1.11, 0.03, 5, 1.00, 0.04, HIGHER),
            (0.57, 0.01, 5, 1.88, 0.85, REPRODUCED),
            (0.97, 0.01, 5, 1.00, 0.00, LOWER),
            (1.71, 0.0, 1, 1.70, 0.00, REPRODUCED),  # deterministic: a unit of the last digit
            (1.715, 0.0, 1, 1.70, 0.00, HIGHER),
            (1.01, 0.0, 5, 1.00, np.nan, REPRODUCED),  # no error in print
        ],
    )
    def test_rule(self, ours, error, replicates, published, published_error, verdict):
        results = rows(("a", "m", "rmse", ours, error, replicates), ("a", "other", "rmse", 9.0, 0.0, 1))
        (found,) = verdicts(results, rows(("a", "m", "rmse", published, published_error, 5))).itertuples()
        assert found.verdict == verdict
        assert found.difference == pytest.approx(ours - published)

    def test_a_published_value_without_ours(self):
        with pytest.raises(DataError, match="no result for the published b m rmse"):
            verdicts(rows(("a", "m", "rmse", 1, 0, 5)), rows(("b", "m", "rmse", 1, 0, 5)))

    def test_a_recipe_is_held_against_the_papers_method(self):
        published = rows(("a", "notmiwae_known", "rmse", 1.0, 0.0, 5))
        both = with_recipes(published, ["notmiwae_known", "published_known"])
        assert both["method"].tolist() == ["notmiwae_known", "published_known"]
        assert with_recipes(published, ["notmiwae_known"]).equals(published)
        results = rows(
            ("a", "notmiwae_known", "rmse", 0.5, 0.0, 5), ("a", "published_known", "rmse", 1.0, 0.0, 5)
        )
        found = verdicts(results, both)
        assert verdict_table(found, ["a", "banknote"]).splitlines() == [
            "| ours − published | a | Banknote | reproduced |",
            "| :-- | --: | --: | --: |",
            "| not-MIWAE, self-masking known | −0.500 | – | 0 of 1 |",
            "| not-MIWAE, published recipe | 0.000 ✓ | – | 1 of 1 |",
        ]
        # The paper has one such cell, however often it's compared.
        assert counts(found) == {REPRODUCED: 0, LOWER: 1, HIGHER: 0, "cells": 1}


REPLICATES = pd.DataFrame(
    [
        (dataset, method, "rmse", r, value + shift + 0.01 * r * (1 + (method == "miwae")))
        for shift, dataset in enumerate(["banknote", "concrete"])
        for method, value, seeds in (
            ("notmiwae_known", 1.0, 3),
            ("miwae", 1.5, 3),
            ("mice", 1.4, 1),
            ("mean", 1.9, 1),
        )
        for r in range(seeds)
    ],
    columns=["dataset", "method", "metric", "replicate", "value"],
)
ERRORS = pd.DataFrame(
    [
        (row.dataset, row.method, row.replicate, at, 2, 2 * row.value**2 * (1 + 0.2 * (-1) ** at))
        for row in REPLICATES.itertuples()
        for at in range(6)
    ],
    columns=["dataset", "method", "replicate", "row", "cells", "squared_error"],
)


class TestPaired:
    FOUND = paired(REPLICATES, ERRORS, ["mice", "mean"], "miwae")

    def test_both_references_and_both_tests(self):
        found = self.FOUND.set_index(["test", "against", "dataset", "method"])
        assert len(found) == 2 * 2 * 2 + 2 * 2
        row = found.loc["seeds", "best baseline", "concrete", "miwae"]
        assert (row["reference"], row["count"]) == ("mice", 3)
        assert row["difference"] == pytest.approx(0.12)
        # Nothing but models is held against the rival model.
        assert set(self.FOUND.loc[self.FOUND["against"] == "miwae", "method"]) == {"notmiwae_known"}

    def test_intervals_hold_the_differences_and_end_with_their_mean(self):
        rows = self.FOUND.query("test == 'rows' and against == 'miwae'")
        each = intervals(rows)
        assert each["dataset"].tolist() == ["banknote", "concrete", "all"]
        assert ((each["lower"] < each["difference"]) & (each["difference"] < each["upper"])).all()
        assert each["difference"].iloc[-1] == pytest.approx(rows["difference"].mean())
        assert each["se"].iloc[-1] == pytest.approx(np.hypot(*rows["se"]) / 2)

    def test_table(self):
        lines = paired_table(self.FOUND, "notmiwae_known", ["banknote", "concrete"]).splitlines()
        assert [line.split(" | ")[:2] for line in lines[2:]] == [
            ["| Banknote", "MICE"],
            ["| Concrete", "MICE"],
            ["| mean of all", "best baseline"],
            ["| Banknote", "MIWAE"],
            ["| Concrete", "MIWAE"],
            ["| mean of all", "MIWAE"],
        ]
        assert "| −0.390 |" in lines[2]

    def test_p_values(self):
        assert [equal_or_less(p) for p in (0.0004, 0.0123)] == ["< 0.001", "= 0.012"]


def test_ranking():
    found = ranking(summarise(REPLICATES))
    ranks = found[found["metric"] == "rank"]
    assert ranks["method"].tolist() == ["notmiwae_known", "mice", "miwae", "mean"]
    assert ranks["mean"].tolist() == [1, 2, 3, 4]
    whole = found[found["method"] == "all"].set_index("metric")["mean"]
    assert whole["tables"] == 2
    # q_0.05 of 4 methods is 2.569 (Demšar 2006, table 5a).
    assert whole["critical_difference"] == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 2)), abs=1e-3)


class TestAverages:
    def test_only_what_every_data_set_has(self):
        results = rows(
            ("a", "m", "rmse", 1.0, 0.3, 5),
            ("b", "m", "rmse", 3.0, 0.4, 5),
            ("c", "m", "rmse", 9.0, 0.4, 5),
            ("a", "k", "rmse", 1.0, 0.0, 1),
        )
        (row,) = averaged(results, ["a", "b"]).itertuples(index=False)
        assert row == ("all", "m", "rmse", 2.0, pytest.approx(0.25), 5)


class TestHeadline:
    RESULTS = rows(
        ("a", "m", "coverage90", 0.99, 0.0, 1),
        ("a", "k", "coverage90", 0.86, 0.0, 1),
        ("a", "k", "rmse", 5.0, 0.0, 1),
    )

    def test_the_best_is_what_the_measure_says(self):
        coverage = Measure("coverage90", "Coverage", lambda value: abs(value - 0.9))
        assert headline(self.RESULTS, None, ["a"], coverage).splitlines() == [
            "| Coverage | a |",
            "| :-- | --: |",
            "| m | 0.990 |",
            "| k | **0.860** |",
        ]
        assert "**" not in headline(self.RESULTS, None, ["a"], Measure("coverage90", "Coverage", None))

    def test_published_errors(self):
        published = rows(("a", "k", "rmse", 5.1, 0.05, 5), ("b", "k", "rmse", 5.1, 0.004, 5))
        line = headline(self.RESULTS, published, ["a", "b"], published_decimals=2).splitlines()[-1]
        assert line == "| k | **5.000** | 5.10 ± 0.05 | – | 5.10 |"


class TestPage:
    def test_blocks_and_values(self):
        page = fill("a {{ table }}\n{{x.y}} {{x.y}}", {"table": "| 1 |\n"}, {"x.y": "2", "z": "3"}, "p.md")
        assert page.startswith("<!-- Made by")
        assert page.endswith("-->\n\na | 1 |\n2 2")

    def test_unknown_placeholder(self):
        with pytest.raises(DataError, match=r"p\.md: nothing fills .*\{\{tabel\}\}; did you mean 'table'"):
            fill("{{tabel}}", {}, {"table": ""}, "p.md")

    def test_unused_block(self):
        with pytest.raises(DataError, match=r"p\.md: no placeholder for ranks, more$"):
            fill("{{table}}", {"table": "", "ranks": "", "more": ""}, {}, "p.md")

    def test_absent_template(self, tmp_path):
        with pytest.raises(DataError, match=r"absent\.md: can't be read"):
            read_template(tmp_path / "absent.md")


def test_absent_or_broken_rows(tmp_path):
    path = tmp_path / "rows.parquet"
    with pytest.raises(DataError, match=r"rows\.parquet: no such file; run the stage evaluate red methods"):
        read_rows(path, ["a"], "evaluate red methods")
    path.write_text("no Parquet")
    with pytest.raises(DataError, match=r"rows\.parquet: not a Parquet table"):
        read_rows(path, ["a"])


def test_names_and_their_order():
    assert datasets_in_order(["white", "own", "banknote"]) == ["banknote", "white", "own"]
    assert method_name("ppca_known") == "not-MIWAE-PPCA, self-masking known"


def test_summary():
    ours = rows(
        *(("red", m, "rmse", v, 0, 5) for m, v in zip(METHODS, (1.0, 1.1, 1.6, 1.5, 1.7), strict=True)),
        *(("white", m, "rmse", v, 0, 5) for m, v in zip(METHODS, (0.9, 0.8, 1.4, 1.6, 1.3), strict=True)),
        ("white", "knn", "crps", 0.1, 0, 5),
    )
    printed = rows(
        *(("red", m, "rmse", v, 0, 5) for m, v in (("notmiwae_known", 1.07), ("ppca_known", 1.03))),
        *(("white", m, "rmse", v, 0, 5) for m, v in (("notmiwae_known", 1.04), ("ppca_known", 0.99))),
    )
    assert summary_table(ours, printed, ["white", "red"], ["knn", "mice", "mean"]).splitlines() == [
        "| RMSE | White wine | Red wine | mean of all |",
        "| :-- | --: | --: | --: |",
        "| **not-MIWAE, self-masking known** (the default) | 0.900 | 1.000 | 0.950 |",
        "| not-MIWAE, self-masking, direction unknown | 0.800 | 1.100 | 0.950 |",
        "| MIWAE | 1.400 | 1.600 | 1.500 |",
        "| the best baseline of each table | 1.300 | 1.500 | 1.400 |",
        "| published: not-MIWAE, self-masking known | 1.04 | 1.07 | 1.055 |",
        "| published: the best of all variants on each table | 0.99 | 1.03 | 1.010 |",
    ]
