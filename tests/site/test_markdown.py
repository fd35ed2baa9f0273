"""Markdown becomes HTML that stands alone: pictures in it, no link to a file beside it."""

import pytest
from PIL import Image

from notmiwae.errors import DataError
from study.site.markdown import Renderer, plain, slug
from study.site.site_inputs import repository


@pytest.fixture
def rendered(tmp_path):
    """Renders text as the one chapter of a page."""
    (tmp_path / "reports").mkdir()
    Image.new("RGB", (30, 20), "white").save(tmp_path / "reports/a.png")
    (tmp_path / "reports/t.md").write_text("| a | b |\n| :-- | --: |\n| x | 1 |\n")

    def render(text, repository=None):
        (tmp_path / "page.md").write_text(text)
        tables = {"reports/t.md": (tmp_path / "reports/t.md").read_text()}
        return Renderer(tmp_path, {"page.md": "page"}, tables, {}, repository).render("page.md")

    return render


def test_pictures_are_in_the_page_with_what_they_say(rendered):
    html, _ = rendered("# Title\n\n![It's <small> & white.](reports/a.png)\n")
    assert '<img src="data:image/png;base64,' in html
    assert 'width="30" height="20"' in html
    assert html.count("It&#x27;s &lt;small&gt; &amp; white.") == 2
    assert '<code class="source">reports/a.png</code>' in html
    assert "<p><figure" not in html


def test_tables_stand_above_the_file_that_they_are_from(rendered):
    html, _ = rendered(
        "# Title\n\n| a | b |\n| :-- | --: |\n| x | 1 |\n\ntext\n\n| c | d |\n| -- | -- |\n| y | 2 |\n"
    )
    assert html.count('<table class="sortable">') == 2
    assert html.count('<code class="source">reports/t.md</code>') == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[how](reports/t.md)", "how (<code>reports/t.md</code>)"),
        ("(see [how](reports/t.md))", "(see how (<code>reports/t.md</code>))"),
        ("([how](reports/t.md))", "(how: <code>reports/t.md</code>)"),
        ("[`t.md`](reports/t.md#a)", "<code>reports/t.md</code>"),
        ("[T](reports/t.md)", "<code>reports/t.md</code>"),
        ("[paper](https://example.org/a%20b)", '<a href="https://example.org/a%20b">paper</a>'),
        ("[me](mailto:me@example.org)", '<a href="mailto:me@example.org">me</a>'),
    ],
)
def test_links_to_files_become_their_paths_where_no_address_is_known(rendered, text, shown):
    html, _ = rendered(f"# Title\n\n{text}\n")
    assert f"<p>{shown}</p>" in html


def test_links_to_files_lead_to_the_repositorys_address(rendered):
    text = "# Title\n\n[how](reports/t.md#part)\n\n![Blank.](reports/a.png)\n"
    html, _ = rendered(text, repository="https://example.org/we/notmiwae")
    assert '<a href="https://example.org/we/notmiwae/blob/HEAD/reports/t.md#part">how</a>' in html
    address = "https://example.org/we/notmiwae/blob/HEAD/reports/a.png"
    assert f'<a class="source" href="{address}">reports/a.png</a>' in html


@pytest.mark.parametrize(
    ("project", "address"),
    [
        ('[project.urls]\nRepository = "https://example.org/r/"\n', "https://example.org/r"),
        ('[project.urls]\nrepository = "https://example.org/r"\n', "https://example.org/r"),
        ('[project.urls]\nDocumentation = "https://example.org/d"\n', None),
        ('[project]\nname = "notmiwae"\n', None),
        ("", None),
    ],
)
def test_the_address_is_that_of_the_projects_metadata(tmp_path, project, address):
    assert repository(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text(project)
    assert repository(tmp_path) == address


def test_headings_are_a_level_lower_and_have_anchors(rendered):
    html, sections = rendered("# Title\n\n## What *is* it?\n\n[there](#what-is-it)\n")
    assert '<h2 id="page">' in html
    assert '<h3 id="page-what-is-it">' in html
    assert sections == [("page-what-is-it", "What is it?")]
    assert 'href="#page-what-is-it"' in html


def test_a_heading_that_comes_twice_has_two_anchors(rendered):
    html, sections = rendered("# Title\n\n## `a_b`\n\n### Methods\n\n## c\n\n### Methods\n\n###### deep\n")
    assert [name for name, _ in sections] == ["page-a_b", "page-c"]
    assert sections[0] == ("page-a_b", "a_b")
    assert html.count('<h4 id="page-methods">') == html.count('<h4 id="page-methods-1">') == 1
    assert '<h6 id="page-deep">' in html


def test_what_is_written_is_no_markup(rendered):
    html, _ = rendered("# A\n\n<script>alert(1)</script>\n")
    assert "<script" not in html


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("![seen](reports/b.png)", "reports/b.png: no such picture"),
        ("![](reports/a.png)", "says nothing to who can't see it"),
        ("[x](nowhere.md)", "links to nowhere.md, which isn't there"),
        ("seen ![a](reports/a.png)", "a picture stands within a text"),
    ],
)
def test_what_is_not_there_is_an_error(rendered, text, said):
    with pytest.raises(DataError, match=said):
        rendered(f"# Title\n\n{text}\n")


def test_anchors_are_those_of_code_hosts():
    assert slug("What's *new* in 3.0?") == "whats-new-in-30"
    assert plain("`a_b` and *c*") == "a_b and c"
