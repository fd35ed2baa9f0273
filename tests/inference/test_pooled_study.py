"""The study of pooled intervals: its estimates, their summary, and its stages at tiny size."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.stages.running import ROOT, run

from notmiwae.errors import ParameterError
from notmiwae.specs import parse_spec
from study.data.sources.correlated_gaussian import CorrelatedGaussian
from study.inference.analysis import analyse, of_complete_rows, of_imputed
from study.inference.estimands import LEVEL, truth
from study.inference.pooled_spec import PooledSpec
from study.inference.summary import summary
from study.reporting.pooled_intervals import pooled_figure

SECTION = yaml.safe_load((ROOT / "long/params.yaml").read_text(encoding="utf-8"))["pooled"]
SOURCE = CorrelatedGaussian(rows=200, columns=3, correlation=0.5)


def test_mean_and_slope_by_hand():
    table = pd.DataFrame({"y": [1.0, 2.0, 4.0, 5.0], "x": [0.0, 1.0, 2.0, 3.0]})
    estimates, variances, degrees = analyse(table)
    # The line 0.9 + 1.4 x leaves 0.1, -0.3, 0.3, -0.1: squares 0.2 in all; those of x about its mean, 5.
    assert estimates == pytest.approx([3.0, 1.4])
    assert variances == pytest.approx([10 / 3 / 4, 0.2 / 2 / 5])
    assert degrees.tolist() == [3, 2]


def test_intervals_of_whole_tables_hold_as_often_as_they_say():
    """Within three Monte Carlo errors; the truth is the law's."""
    draws = np.random.default_rng(0)
    found = [of_complete_rows(SOURCE.draw(draws)) for _ in range(600)]
    for estimand, value in truth(SOURCE.correlation).items():
        held = np.mean([each[estimand]["lower"] <= value <= each[estimand]["upper"] for each in found])
        assert abs(held - LEVEL) < 3 * np.sqrt(LEVEL * (1 - LEVEL) / len(found))


def test_tables_that_do_not_differ_have_the_interval_of_one():
    table = SOURCE.draw(np.random.default_rng(1))
    pooled, alone = of_imputed([table] * 5, members=1), of_complete_rows(table)
    for estimand, interval in alone.items():
        for name in ("estimate", "standard_error"):
            assert pooled[estimand][name] == pytest.approx(interval[name])
        # Barnard & Rubin's degrees of freedom are fewer by the factor (ν + 1)/(ν + 3).
        assert pooled[estimand]["lower"] == pytest.approx(interval["lower"], abs=1e-3)


def test_the_summary_of_four_intervals():
    rows = pd.DataFrame(
        {
            "design": "mcar",
            "method": "mice",
            "estimand": "mean",
            "replicate": range(4),
            "estimate": [-0.05, 0.15, 0.35, 0.55],
            "standard_error": [0.1, 0.1, 0.3, 0.3],
            "lower": [-0.25, -0.05, -0.25, 0.05],
            "upper": [0.15, 0.35, 0.95, 1.05],
        }
    )
    (line,) = summary(rows, 0.5).to_dict("records")
    assert line["replicates"] == 4
    assert line["bias"] == pytest.approx(0.25)
    assert line["sd"] == pytest.approx(np.std([0.0, 0.2, 0.4, 0.6], ddof=1))
    assert line["bias_error"] == pytest.approx(line["sd"] / 2)
    assert line["standard_error"] == pytest.approx(np.sqrt(0.05))
    assert line["width"] == pytest.approx((0.4 + 0.4 + 1.2 + 1.0) / 4)
    assert line["coverage"] == 0.75
    assert line["coverage_error"] == pytest.approx(np.sqrt(0.75 * 0.25 / 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": SECTION["source"] | {"shape": "share"}}, "source.shape: found 'share'"),
        ({"baselines": {"told": {"kind": "mice"}}}, "estimators and baselines both have told"),
        ({"baselines": {"knn": {"kind": "knn"}}}, "baselines.knn: found 0 draws"),
        ({"replicates": 1}, "replicates"),
        (
            {"designs": {"mcar": SECTION["designs"]["mcar"] | {"mechanism": {"kind": "mcar", "rate": 0.5}}}},
            "designs.mcar.mechanism.columns: accepted: the first column",
        ),
        (
            {"designs": {"mcar": SECTION["designs"]["mcar"] | {"told": {"steps": 3}}}},
            "told: found steps; accepted: missing_process, groups",
        ),
    ],
)
def test_what_the_section_cannot_say(change, message):
    with pytest.raises(ParameterError, match=message):
        parse_spec(PooledSpec, SECTION | change, "pooled")


def test_an_estimator_is_told_what_the_design_says():
    pooled = parse_spec(PooledSpec, SECTION, "pooled")
    told = pooled.told("drawn_rows", "self_masking")
    assert told.missing_process == {"x_1": "high"}
    assert told.bootstrap
    assert pooled.told("told", "mcar").missing_process == "mar"


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pooled") / "long"
    for each in (folder, folder.parent / "docs", folder.parent / "paper"):
        each.mkdir()
    section = json.loads(json.dumps(SECTION)) | {"replicates": 3, "run": {"parts": [0, 1]}}
    section["source"]["rows"] = 60
    section["estimators"] = {
        "told": {"draws": 4, "steps": 3, "members": 1},
        "drawn_rows": {"draws": 4, "steps": 3, "members": 2, "bootstrap": True},
    }
    section["baselines"]["mice"]["draws"] = 4
    params = {"seed": 5, "compute": {"workers": 1}, "pooled": section}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    template = (ROOT / "docs/pooled.template.md").read_text(encoding="utf-8")
    (folder.parent / "docs/pooled.template.md").write_text(template, encoding="utf-8")
    run(folder, "pooled", "0")
    run(folder, "pooled", "1")
    run(folder, "pooled_report")
    return folder


def found_in(folder):
    return pd.read_csv(folder / "reports/pooled.csv")


def test_the_stages_at_tiny_size(done):
    found = found_in(done)
    assert len(found) == 3 * 4 * 2
    assert found["replicates"].eq(6).all()
    assert found["coverage"].between(0, 1).all()
    page = (done.parent / "docs/pooled.md").read_text(encoding="utf-8")
    assert "on 6 tables of each of three designs" in page
    assert "60 rows of a\nGaussian in 3 columns with correlation 0.5" in page
    assert (done / "reports/pooled.md").read_text(encoding="utf-8").strip() in page
    assert (done / "reports/figures/pooled.png").is_file()


def test_a_result_that_was_lost_is_made_again_the_same(done):
    lost = done / "build/pooled/1/self_masking/told/004.json"
    before = lost.read_bytes()
    lost.unlink()
    run(done, "pooled", "1")
    assert lost.read_bytes() == before


def test_parts_are_of_other_tables_and_each_is_done_alone(done, capsys):
    first, second = (pd.read_csv(done / f"reports/pooled/{part}.csv") for part in (0, 1))
    assert sorted(first["replicate"].unique()) == [0, 1, 2]
    assert sorted(second["replicate"].unique()) == [3, 4, 5]
    assert not set(first["estimate"]) & set(second["estimate"])
    before = (done / "reports/pooled/0.csv").read_bytes()
    params = yaml.safe_load((done / "params.yaml").read_text(encoding="utf-8"))
    params["pooled"]["run"]["parts"] = [0]
    (done / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    run(done, "pooled", "0")
    assert "36 of 36 jobs are done already" in capsys.readouterr().err
    assert (done / "reports/pooled/0.csv").read_bytes() == before
    run(done, "pooled_report")
    assert found_in(done)["replicates"].eq(3).all()
    with pytest.raises(ParameterError, match=r"pooled\.run\.parts has \[0\]"):
        run(done, "pooled", "1")


def test_the_figure_has_a_panel_for_each_design_and_a_point_for_each_method(done):
    drawn = pooled_figure(found_in(done))
    assert [axes.get_title() for axes in drawn.axes[:3]] == [
        "at random",
        "by the value",
        "by value and context",
    ]
    for axes in drawn.axes:
        assert sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() in ("o", "D")) == 8
