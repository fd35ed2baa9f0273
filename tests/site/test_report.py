"""The report is what the committed results make, and it works in a browser with nothing beside it."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

import programs
from notmiwae.errors import DataError
from notmiwae.site.build import FILLED, PAGE, SUMMARY, filled, page, summary
from notmiwae.site.markdown import Renderer, plain, slug

ROOT = Path(__file__).parents[2]
IN_A_BROWSER = pytest.mark.needs("chromium")
STALE = "what is in git's index isn't current: run `make page` and `git add` what it changed"


@pytest.mark.parametrize("path", FILLED)
def test_tables_of_hand_written_pages_are_current(path, committed):
    assert filled(committed, path) == (committed / path).read_text(encoding="utf-8"), STALE


def test_the_report_and_the_summary_are_current(committed):
    assert summary(committed) == (committed / SUMMARY).read_text(encoding="utf-8"), STALE
    assert page(committed) == (committed / PAGE).read_text(encoding="utf-8"), STALE


@pytest.fixture
def rendered(tmp_path):
    """Renders text as the one chapter of a page."""
    (tmp_path / "reports").mkdir()
    Image.new("RGB", (30, 20), "white").save(tmp_path / "reports/a.png")
    (tmp_path / "reports/t.md").write_text("| a | b |\n| :-- | --: |\n| x | 1 |\n")

    def render(text):
        (tmp_path / "page.md").write_text(text)
        tables = {"reports/t.md": (tmp_path / "reports/t.md").read_text()}
        return Renderer(tmp_path, "reports/index.html", {"page.md": "page"}, tables, {}).render("page.md")

    return render


def test_pictures_are_in_the_page_with_what_they_say(rendered):
    html, _ = rendered("# Title\n\n![It's <small> & white.](reports/a.png)\n")
    assert '<img src="data:image/png;base64,' in html
    assert 'width="30" height="20"' in html
    assert html.count("It&#x27;s &lt;small&gt; &amp; white.") == 2
    assert 'href="a.png"' in html
    assert "<p><figure" not in html


def test_tables_stand_above_the_file_that_they_are_from(rendered):
    html, _ = rendered(
        "# Title\n\n| a | b |\n| :-- | --: |\n| x | 1 |\n\ntext\n\n| c | d |\n| -- | -- |\n| y | 2 |\n"
    )
    assert html.count('<table class="sortable">') == 2
    assert html.count('<a class="source" href="t.md">reports/t.md</a>') == 1


def test_headings_are_a_level_lower_and_have_anchors(rendered):
    html, sections = rendered("# Title\n\n## What *is* it?\n\n[there](#what-is-it)\n")
    assert '<h2 id="page">' in html
    assert '<h3 id="page-what-is-it">' in html
    assert sections == [("page-what-is-it", "What is it?")]
    assert 'href="#page-what-is-it"' in html


def test_what_is_written_is_no_markup(rendered):
    html, _ = rendered("# A\n\n<script>alert(1)</script>\n")
    assert "<script" not in html


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("![seen](reports/b.png)", "reports/b.png: no such picture"),
        ("![](reports/a.png)", "says nothing to who can't see it"),
        ("[x](nowhere.md)", "links to nowhere.md, which isn't there"),
    ],
)
def test_what_is_not_there_is_an_error(rendered, text, said):
    with pytest.raises(DataError, match=said):
        rendered(f"# Title\n\n{text}\n")


def test_a_picture_that_no_page_shows_is_an_error(tmp_path, committed):
    for name in (
        "README.md",
        "docs",
        "reports",
        "images",
        "paper",
        "benchmarks",
        "params.yaml",
        "dvc.lock",
        "requirements.lock",
    ):
        here = committed / name
        copy = shutil.copytree if here.is_dir() else shutil.copy
        copy(
            here,
            tmp_path / name,
            **({"ignore": shutil.ignore_patterns("data", "models")} if here.is_dir() else {}),
        )
    shutil.copy(committed / "reports/figures/rmse.png", tmp_path / "reports/figures/new.png")
    for link in ("data", "src", "stages", "dvc.yaml"):
        (tmp_path / link).symlink_to(committed / link)
    with pytest.raises(DataError, match=r"reports/figures/new.png: no page of the report shows it"):
        page(tmp_path)


def test_anchors_are_those_of_code_hosts():
    assert slug("What's *new* in 3.0?") == "whats-new-in-30"
    assert plain("`a_b` and *c*") == "ab and c"


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


@IN_A_BROWSER
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_needs_nothing_beside_it_and_can_be_read(browser, theme):
    from axe_playwright_python.sync_playwright import Axe

    window, asked, said = opened(browser, color_scheme=theme)
    assert asked == [(ROOT / PAGE).as_uri()]
    assert said == []
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa"]}}
    found = Axe().run(window, options=rules).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


@IN_A_BROWSER
def test_it_fits_a_phone(browser):
    window, _, _ = opened(browser, viewport={"width": 390, "height": 844})
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
