"""The page of `notmiwae report`: its numbers, its words, that it needs nothing and can be read anywhere."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm

import programs
from notmiwae import Missing, MIWAEImputer, NotMIWAEImputer
from notmiwae.cli.main import main
from notmiwae.estimators.learnt_process import equal_steps
from notmiwae.report import figures, wording
from notmiwae.report.findings import estimates, gather
from notmiwae.report.page import render

NAME = '<script>alert("x")</script>'
QUICK = {"steps": 20, "members": 2, "n_samples": 20, "hidden": (8,), "random_state": 0}
IN_A_BROWSER = pytest.mark.needs("chromium")


def survey(rows=150):
    draw = np.random.default_rng(3)
    z = draw.normal(size=rows)
    table = pd.DataFrame(
        {
            "age": (45 + 12 * z + 3 * draw.normal(size=rows)).round().astype(int),
            "income": np.exp(7 + 0.5 * z).round(2),
            NAME: pd.Categorical(np.where(z + draw.normal(size=rows) > 0, "yes & no", "no"), ordered=False),
            "region": pd.Categorical(draw.choice(["north", "south", "west"], rows)),
        }
    )
    table["income"] = table["income"].mask(z > draw.normal(size=rows))
    table.loc[draw.random(rows) < 0.2, [NAME, "region"]] = np.nan
    return table


@pytest.fixture(scope="module")
def found():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return gather(survey(), NotMIWAEImputer(**QUICK), 5)


@pytest.fixture(scope="module")
def page(found):
    said = {"missing_process": "auto", "groups": None, "seed": 0}
    return render(found, "A survey", said, ["a <notice>"], ["id"], "notmiwae report x.csv -o y.html", "9.9")


def test_estimates_are_those_of_rubins_rules(found):
    rows = found.estimates.set_index(["column", "category"])
    means = np.array([draw["income"].mean() for draw in found.draws])
    within = np.mean([draw["income"].var() / len(draw) for draw in found.draws])
    total = within + (1 + 1 / len(means)) * means.var(ddof=1)
    income = rows.loc[("income", "")]
    assert income["mean"] == pytest.approx(means.mean())
    assert income["standard_error"] == pytest.approx(np.sqrt(total))
    # The t distribution's interval is wider than the normal one.
    assert income["upper"] - income["mean"] > norm.ppf(0.975) * income["standard_error"]
    assert income["seen"] == pytest.approx(survey()["income"].mean())
    shares = rows.loc["region"]
    assert shares["mean"].sum() == pytest.approx(1)
    assert list(rows.loc[NAME].index) == ["yes & no"]  # of two categories, one says all
    assert "age" not in rows.index.get_level_values(0)


def test_the_estimate_of_a_table_without_gaps_is_none(found):
    assert not len(estimates(found.imputer.columns_, found.draws[0], found.draws))


def test_every_column_is_shown_and_names_stay_text(page):
    assert NAME not in page
    escaped = "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;"
    assert page.count(f'<th scope="row">{escaped}</th>') >= 2
    for each in ("age", "income", "region", "a &lt;notice&gt;", "Not modelled: id", "A survey"):
        assert each in page


def test_intervals_are_said_to_be_too_narrow_but_of_members_on_drawn_rows(found, page, monkeypatch):
    monkeypatch.setattr(found.imputer, "bootstrap", True)
    said = {"missing_process": "auto", "groups": None, "seed": 0}
    drawn = render(found, "A survey", said, [], [], "notmiwae report x.csv -o y.html", "9.9")
    for words, there in (
        ("take the models for known", page),
        ("each on rows drawn with replacement", drawn),
        ("nested imputations (Rubin 1987, 2003;", drawn),
        ("Rubin, D. B. (2003).", drawn),
    ):
        assert [words in each for each in (page, drawn)] == [there is page, there is drawn]


def test_it_asks_the_network_for_nothing(page):
    links = set(re.findall(r'(?:src|href|action)="([^"]*)"', page))
    assert {each for each in links if not each.startswith(("#", "data:"))} == set()
    assert "@import" not in page
    assert "url(#" in page or "url(" not in page


def test_figures_take_the_pages_colours(page):
    plots = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    # Patterns, checks perhaps, three columns, and one whose mean depends on the assumption.
    assert len(plots) >= 5
    for plot in plots:
        assert not re.search(r"#(?:000000|ffffff|0072b2)", plot)
    names = re.findall(r'aria-label="([^"]*)" style', page)
    assert len(set(names)) == len(names)


def test_patterns_count_rows():
    missing = np.array([[0, 0], [1, 0], [1, 0], [1, 1]], dtype=bool)
    drawn = figures.patterns(missing, ["a", "b"])
    bars, dots, _ = drawn.axes
    assert [bar.get_height() for bar in bars.patches] == [2, 1, 1]
    filled = [line.get_ydata().tolist() for line in dots.lines if line.get_linestyle() == "-"]
    assert sorted(map(len, filled)) == [0, 1, 2]


def test_a_histogram_of_whole_numbers_has_no_gaps_between_them():
    rows = pd.DataFrame({"x": [*range(30), None]}, dtype="Int64")
    draws = [rows.fillna(12)]
    (column,) = MIWAEImputer(**QUICK).fit(rows).columns_
    seen = figures.distribution(column, rows, draws).axes[0].containers[0]
    assert {round(bar.get_height(), 6) for bar in seen[:-1]} == {round(1 / 30, 6)}


def test_ticks_above_a_panel_are_equal_steps_of_the_learnt_scale():
    rows = survey()
    imputer = NotMIWAEImputer({"income": "high"}, limits={"income": (0, None)}, **QUICK).fit(rows)
    steps = [equal_steps(member, "income") for member in imputer.members_]
    for member, own in zip(imputer.members_, steps, strict=True):
        scaling, place = member.scaling, member.columns.index("income")
        x = torch.zeros(len(own), len(member.columns))
        x[:, place] = torch.tensor((np.array(own) - scaling.mean[place]) / scaling.scale[place])
        mapped = member.model.shapes().transform(x)[:, place]
        torch.testing.assert_close(mapped.diff(), torch.ones(6), atol=1e-3, rtol=0.0)
    assert not equal_steps(imputer.members_[0], "age"), "nothing bends a column without limits"
    (column,) = (each for each in imputer.columns_ if each.name == "income")
    draws = [rows.fillna({"income": 1_000.0})]
    (ticks,) = figures.distribution(column, rows, draws, steps).axes[0].collections
    low, high = rows["income"].min(), rows["income"].max()
    shown = [segment[0, 0] for segment in ticks.get_segments()]
    assert set(shown) >= {value for own in steps for value in own if low <= value <= high}


def test_words_of_the_assumption():
    said = {"income": Missing("low", given=["age", "region"], at_random=True)}
    text = wording.assumption(said, {"wave 2": ["income", "age"]})
    assert text == (
        "income: the lower a value, the likelier it is missing, and age and region decide too, and some are "
        "missing at random; all other columns: missing at random, given what is seen; gaps of income and age "
        "come together (wave 2)"
    )


def test_evidence_is_called_clear_only_beyond_two_standard_errors():
    weighed = pd.DataFrame(
        {
            "column": ["a"] * 3 + ["b"] * 3,
            "assumption": ["mar", "low", "high"] * 2,
            "difference": [0, 0.3, -0.3, 0, 0.1, -0.1],
            "standard_error": [0, 0.1, 0.1, 0, 0.1, 0.1],
            "weight": [0.0, 1.0, 0.0, 0.6, 0.4, 0.0],
            "members": [0, 5, 0, 3, 2, 0],
        }
    )
    found = wording.verdicts(weighed)
    assert found["verdict"].tolist() == ["speaks for it", "speaks against it", "can't tell", "can't tell"]
    assert found["models"].tolist() == [5, 0, 2, 0]


def test_a_mean_tips_where_shifts_take_it_out_of_the_interval(found):
    (said,) = wording.dependence(found)
    shifts = found.sensitivity.shifts.set_index("delta")["mean"]
    own = found.sensitivity.table.set_index("assumption").loc["this report"]
    step = shifts[1.0] - shifts[0.0]  # means are linear in the shift
    ends = [wording.decimals((own[end] - shifts[0.0]) / step, 1) for end in ("lower", "upper")]
    assert said.startswith("income: ")
    assert said.endswith(f"by {ends[0]} to {ends[1]} standard deviations.")


@pytest.mark.parametrize(
    ("value", "error", "written"),
    [(1234.567, 74.7, "1,235"), (0.41863, 0.01792, "0.419"), (-0.5, 0.2, "−0.50"), (3.0, 0.0, "3")],
)
def test_estimates_have_the_digits_that_their_error_leaves(value, error, written):
    assert wording.rounded(value, error) == written


def test_the_command_writes_the_page_and_names_itself(tmp_path, capsys):
    table, page = tmp_path / "a survey.csv", tmp_path / "r.html"
    survey().to_csv(table, index=False)
    typed = ["report", str(table), "-o", str(page), "--steps", "10", "--members", "1", "--samples", "10"]
    typed += ["--missing-process", "income=high", "--draws", "3", "--title", "Incomes"]
    assert main(typed) == 0
    text = page.read_text(encoding="utf-8")
    assert "<title>Incomes: what is missing</title>" in text
    assert f"notmiwae report &#39;{table}&#39; -o" in text
    assert "income: the higher a value, the likelier it is missing" in text
    assert "as said" in text  # compared with missing at random
    assert "wrote" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--draws", "1"], "--draws: found 1; accepted: 2 at least"),
        (["-o", "page.pdf"], "page.pdf: unknown format; accepted: .html"),
        (["--missing-process", "wage=low"], "no column 'wage'"),
    ],
)
def test_what_it_cannot_do_is_one_line(tmp_path, monkeypatch, capsys, options, said):
    monkeypatch.chdir(tmp_path)
    survey().to_csv("s.csv", index=False)
    assert main(["report", "s.csv", "-o", "r.html", *options]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "r.html").exists()


def test_a_table_without_gaps_has_no_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    survey()[["age"]].assign(b=range(150)).to_csv("s.csv", index=False)
    assert main(["report", "s.csv", "-o", "r.html", "--quiet"]) == 2
    assert "no value is missing" in capsys.readouterr().err


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = programs.path_of("chromium")
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@IN_A_BROWSER
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read(browser, page, tmp_path, theme, width):
    from axe_playwright_python.sync_playwright import Axe

    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    window = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 844}).new_page()
    asked, said = [], []
    window.on("request", lambda request: asked.append(request.url))
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.goto(path.as_uri())
    assert ([url for url in asked if not url.startswith("data:")], said) == ([path.as_uri()], [])
    window.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}}
    found = Axe().run(window, options=rules).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []
    assert len(window.pdf()) > 10**4
