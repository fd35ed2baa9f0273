"""The report is what the committed results make, and it works in a browser with nothing beside it."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import programs
from notmiwae.errors import DataError
from study.site.build_page import filled, page, summary
from study.site.chapters import CHAPTERS, FILLED, PAGE, SUMMARY, Chapter
from study.site.opening import findings

ROOT = Path(__file__).parents[2]
IN_A_BROWSER = pytest.mark.needs("chromium")
STALE = "what is in git's index isn't current: run `make page` and `git add` what it changed"


@pytest.mark.parametrize("path", FILLED)
def test_tables_of_hand_written_pages_are_current(path, committed):
    assert filled(committed, path) == (committed / path).read_text(encoding="utf-8"), STALE


def test_the_report_and_the_summary_are_current(committed):
    assert summary(committed) == (committed / SUMMARY).read_text(encoding="utf-8"), STALE
    assert page(committed) == (committed / PAGE).read_text(encoding="utf-8"), STALE


def test_a_picture_that_no_page_shows_is_an_error(copied):
    shutil.copy(copied / "reports/figures/rmse.png", copied / "reports/figures/new.png")
    with pytest.raises(DataError, match=r"reports/figures/new.png: no page of the report shows it"):
        page(copied)


class Links(HTMLParser):
    """What a page refers to, and its anchors."""

    def __init__(self, html):
        super().__init__()
        self.to, self.anchors = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src", "srcset", "data", "action", "poster"):
                self.to.append(value)
            if name == "id":
                self.anchors.append(value)


def check_links(html):
    links = Links(html)
    assert [to for to in links.to if not re.match(r"#|https?://|mailto:|data:", to)] == []
    inside = [to[1:] for to in links.to if to.startswith("#")]
    assert inside
    assert [to for to in inside if to not in links.anchors] == []
    assert len(set(links.anchors)) == len(links.anchors)
    return links


def test_no_link_leads_to_a_file_beside_it_and_those_inside_lead_somewhere():
    check_links((ROOT / PAGE).read_text(encoding="utf-8"))


def test_with_an_address_the_files_that_it_names_are_links(copied):
    (copied / "pyproject.toml").write_text('[project.urls]\nRepository = "https://example.org/r"\n')
    links = check_links(page(copied))
    for path in ("CHANGELOG.md", "docs/sharing.md", "reports/table.md", "reports/results.csv", "params.yaml"):
        assert f"https://example.org/r/blob/HEAD/{path}" in links.to


def test_a_page_becomes_a_chapter_by_a_line_in_the_list(copied, monkeypatch):
    more = Chapter("docs/more.md", "More of it", "Classes and functions.")
    monkeypatch.setattr("study.site.build_page.CHAPTERS", (*CHAPTERS, more))
    text = "# API\n\n## `Imputer`\n\n### Methods\n\n## `Other`\n\n### Methods\n\n[it](study.md)\n"
    (copied / "docs/more.md").write_text(text)
    html = page(copied)
    links = check_links(html)
    assert {"more-of-it", "more-of-it-imputer", "more-of-it-methods-1"} <= set(links.anchors)
    assert '<summary><h2 id="more-of-it">API</h2><span class="about">Classes and functions.' in html
    assert '<a href="#the-published-study">it</a>' in html


def test_a_chapter_without_a_title_is_an_error(copied, monkeypatch):
    monkeypatch.setattr("study.site.build_page.CHAPTERS", (*CHAPTERS, Chapter("docs/more.md", "More of it")))
    (copied / "docs/more.md").write_text("no title\n")
    with pytest.raises(DataError, match=r"docs/more.md: starts with .*; a chapter starts with its title"):
        page(copied)


def test_what_the_opening_says_is_so():
    error = {name: float(text) for name, text in findings(ROOT).items()}
    assert error["gaussian_limit"] <= error["gaussian"] < error["gaussian_published"] / 2
    assert error["mnist"] < error["mnist_published"] * 0.6
    assert error["tables"] < min(error[f"tables_{other}"] for other in ("published", "rival", "baseline"))
    assert error["block"] > error["block_rival"]


def test_the_openings_means_are_those_of_the_six_tables_page():
    rows = (ROOT / "paper/reports/summary.md").read_text(encoding="utf-8").splitlines()
    last = {row.split("|")[1].strip(): row.split("|")[-2].strip() for row in rows}
    found = findings(ROOT)
    assert found["tables"] == last["**not-MIWAE, self-masking known** (the default)"]
    assert found["tables_rival"] == last["MIWAE"]
    assert found["tables_baseline"] == last["the best baseline of each table"]
    assert found["tables_published"] == last["published: not-MIWAE, self-masking known"]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    chromium = programs.path_of("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser, **options):
    """The report in a window, what it asked for and what it complained of."""
    window = browser.new_context(**options).new_page()
    asked, said = [], []
    window.on("request", lambda request: asked.append(request.url))
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.goto((ROOT / PAGE).as_uri())
    return window, [url for url in asked if not url.startswith("data:")], said


def unfold(window):
    window.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert window.locator("details:not([open])").count() == 0


DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def in_view(window, selector):
    """Whether all of an element is on the screen, nothing scrolled."""
    box = window.locator(selector).bounding_box()
    height = window.viewport_size["height"]
    assert window.evaluate("scrollY") == 0
    return box is not None and box["height"] > 0 and box["y"] >= 0 and box["y"] + box["height"] <= height


@IN_A_BROWSER
def test_it_opens_with_a_summary_of_half_a_screen(browser):
    window, _, _ = opened(browser, viewport=DESK)
    assert window.locator("header.opening").bounding_box()["height"] <= DESK["height"] * 0.6
    assert in_view(window, "header.opening")
    assert in_view(window, ".opening .chart")
    assert window.locator("#contents").get_attribute("open") is not None
    assert window.locator("nav a").first.is_visible()


@IN_A_BROWSER
def test_the_first_result_is_on_a_phones_first_screen(browser):
    window, _, _ = opened(browser, viewport=PHONE)
    assert in_view(window, ".opening .chart")
    assert not window.locator("nav a").first.is_visible()
    window.locator("#contents > summary").click()
    assert window.locator("nav a").first.is_visible()


@IN_A_BROWSER
@pytest.mark.parametrize(
    ("section", "columns"),
    [("the-published-study", 1), ("the-published-study-does-it-agree-with-what-was-published", 2)],
)
def test_first_columns_stay_while_a_table_scrolls(browser, section, columns):
    window, _, _ = opened(browser, viewport=PHONE)
    frame = window.locator(f"#{section}").locator("xpath=following::div[@class='table'][1]")
    frame.scroll_into_view_if_needed()
    cells = [frame.locator("tbody tr").first.locator("td").nth(place) for place in range(columns + 1)]
    before = [cell.bounding_box()["x"] for cell in cells]
    frame.evaluate("frame => { frame.scrollLeft = 90; }")
    assert frame.evaluate("frame => frame.scrollLeft") == 90
    after = [cell.bounding_box()["x"] for cell in cells]
    assert after[:columns] == before[:columns]
    assert after[columns] == before[columns] - 90
    for cell in cells[:columns]:  # and what scrolls goes below them
        on_top = "cell => { const b = cell.getBoundingClientRect(); "
        on_top += "return cell.contains(document.elementFromPoint(b.x + b.width - 3, b.y + b.height / 2)); }"
        assert cell.evaluate(on_top)


@IN_A_BROWSER
def test_a_link_into_a_folded_chapter_unfolds_it(browser):
    window, _, _ = opened(browser, viewport=DESK)
    inside = window.locator("#provenance-inputs")
    assert not inside.is_visible()
    window.locator('nav a[href="#provenance-inputs"]').click()
    assert inside.is_visible()
    window.wait_for_function("document.getElementById('provenance-inputs').getBoundingClientRect().y < 800")
    window.goto((ROOT / PAGE).as_uri() + "#hyperparameter-search-banknote")
    window.reload()
    assert window.locator("#hyperparameter-search-banknote").is_visible()


@IN_A_BROWSER
def test_without_scripts_chapters_unfold_too(browser):
    window, _, _ = opened(browser, viewport=DESK, java_script_enabled=False)
    assert not window.locator("#provenance-inputs").is_visible()
    window.locator("summary", has_text="Provenance").click()
    assert window.locator("#provenance-inputs").is_visible()


@IN_A_BROWSER
def test_on_paper_nothing_is_folded_and_afterwards_it_is_again(browser):
    window, _, _ = opened(browser, viewport=DESK)
    folded = window.locator("details.chapter:not([open])")
    before = folded.count()
    assert before
    count = "window.left = document.querySelectorAll('details.chapter:not([open])').length"
    window.evaluate(f"addEventListener('beforeprint', () => {{ {count}; }})")
    assert len(window.pdf()) > 10**6
    assert window.evaluate("window.left") == 0
    assert folded.count() == before
    # The style sheet does it where scripts are off.
    window.emulate_media(media="print")
    assert window.locator("#provenance-inputs").is_visible()


@IN_A_BROWSER
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_needs_nothing_beside_it_and_can_be_read(browser, theme):
    from axe_playwright_python.sync_playwright import Axe

    window, asked, said = opened(browser, color_scheme=theme)
    assert asked == [(ROOT / PAGE).as_uri()]
    assert said == []
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa"]}}
    unfold(window)
    found = Axe().run(window, options=rules).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


@IN_A_BROWSER
def test_it_fits_a_phone(browser):
    window, _, _ = opened(browser, viewport={"width": 390, "height": 844})
    assert window.evaluate("document.documentElement.scrollWidth") <= 390
    unfold(window)
    assert window.evaluate("document.documentElement.scrollWidth") <= 390


@IN_A_BROWSER
def test_a_table_sorts_by_the_column_that_is_clicked(browser):
    window, _, _ = opened(browser)
    table = window.locator("section", has_text="The published study").locator("table.sortable").first
    rows = table.locator("tbody tr")
    before = rows.all_inner_texts()
    head = table.locator("th").nth(1)

    def column():
        return [float(text.split()[0]) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column() == sorted(column())
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column() == sorted(column(), reverse=True)
    assert sorted(rows.all_inner_texts()) == sorted(before)
    # Empty cells stay at the end either way.
    published = table.locator("th").nth(2).locator("button")
    for _ in range(2):
        published.click()
        assert table.locator("tbody td:nth-child(3)").all_inner_texts()[-1] == "–"
