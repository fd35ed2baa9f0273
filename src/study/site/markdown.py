"""Render Markdown as HTML: pictures in the file, tables that can be sorted, no link to a file beside it."""

import base64
import io
import itertools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image

from notmiwae.errors import DataError, flat
from study.site.site_inputs import read_text

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_COMMENT = re.compile(r"<!--.*?-->\n?", re.S)
_COLOURS = 128
"""Number of colours of a picture: flat figures lose nothing by it, and take a third of the space."""


@dataclass
class Renderer:
    """Turns the Markdown files of a repository into parts of one page, which is read without the others.

    Attributes:
        root: Folder of the repository.
        chapters: Anchors by the file that is a part of the page.
        tables: Texts of tables by the file that they are from.
        made: Texts of chapters that aren't what their file holds, or are no file.
        repository: Address of the repository, to which links to files lead; None: such links are left out.
        moved: Chapters by the picture that they alone show; other chapters link to it.
        pictures: Pictures that rendered chapters show.
    """

    root: Path
    chapters: Mapping[str, str]
    tables: Mapping[str, str]
    made: Mapping[str, str]
    repository: str | None = None
    moved: Mapping[str, str] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list, init=False)

    def render(self, path: str) -> tuple[str, list[tuple[str, str]]]:
        """Return a file as HTML, its headings one level down; and the anchors and names of its sections.

        Raises:
            DataError: a file that it includes, shows or links to isn't there.
        """
        text = _COMMENT.sub("", self.made[path] if path in self.made else read_text(self.root, path))
        tokens = _MARKDOWN.parse(text)
        sections: list[tuple[str, str]] = []
        anchor = self.chapters[path]
        taken: set[str] = set()
        for place, token in enumerate(tokens):
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
            if token.type == "heading_open":
                title = plain(tokens[place + 1].content)
                name = anchor if token.tag == "h2" else _unique(f"{anchor}-{slug(title)}", taken)
                token.attrSet("id", name)
                if token.tag == "h3":
                    sections.append((name, title))
            if token.type == "inline":
                self._inline(tokens, place, path)
            if token.type == "table_open":
                token.attrSet("class", "sortable")
        html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
        # Who has no mouse scrolls long lines by the keyboard.
        html = html.replace("<pre>", '<pre tabindex="0">')
        return self._with_sources(html, text), sections

    def _inline(self, tokens: list[Token], place: int, path: str) -> None:
        children = tokens[place].children or []
        if not any(child.type == "image" for child in children):
            tokens[place].children = self._linked(children, path)
            return
        image = children[0]
        if len(children) > 1:
            raise DataError(
                f"{path}: a picture stands within a text: {tokens[place].content!r}; a line of its own?"
            )
        picture = os.path.normpath(Path(path).parent / unquote(str(image.attrGet("src"))))
        shown = self._figure(picture, plain(image.content), path)
        # A figure is no part of a paragraph.
        for around in (tokens[place - 1], tokens[place + 1]):
            around.hidden = True
        tokens[place].children = [_html(shown)]

    def _linked(self, children: list[Token], path: str) -> list[Token]:
        """Return a text whose links lead to parts of the page or addresses; those to files become paths."""
        kept: list[Token] = []
        file, start = "", 0
        for child in children:
            if child.type == "link_open":
                address, file = self._link(str(child.attrGet("href")), path)
                child.attrSet("href", address)
                start = len(kept)
                if file:
                    continue
            if child.type == "link_close" and file:
                words = "".join(token.content for token in kept[start:])
                code = _html(f"<code>{escape(file)}</code>")
                if words.lower() in (file.lower(), Path(file).name.lower(), Path(file).stem.lower()):
                    kept[start:] = [code]
                elif start and kept[start - 1].content.endswith("("):
                    kept += [_html(": "), code]
                else:
                    kept += [_html(" ("), code, _html(")")]
                continue
            kept.append(child)
        return kept

    def _link(self, target: str, path: str) -> tuple[str, str]:
        """Return where a link leads, a part of the page or an address; or nothing, and the file it names."""
        if _ADDRESS.match(target):
            return target, ""
        file, _, section = target.partition("#")
        place = os.path.normpath(Path(path).parent / unquote(file)) if file else path
        if place in self.chapters:
            anchor = self.chapters[place]
            return (f"#{anchor}-{section}" if section else f"#{anchor}"), ""
        if not (self.root / place).exists():
            raise DataError(f"{path}: links to {target}, which isn't there")
        if self.repository is None:
            return "", place
        return self._address(place) + (f"#{section}" if section else ""), ""

    def _address(self, path: str) -> str:
        # HEAD is the default branch, whatever its name.
        return f"{self.repository}/blob/HEAD/{quote(path)}"

    def _figure(self, picture: str, caption: str, path: str) -> str:
        if not (self.root / picture).is_file():
            raise DataError(f"{picture}: no such picture; run the stage that makes it")
        if not caption.strip():
            raise DataError(f"{picture}: its link says nothing to who can't see it")
        shown_in = self.moved.get(picture, path)
        if shown_in != path:
            return (
                f'<p>The figure <code>{escape(picture)}</code> shows <a href="#{self.chapters[shown_in]}">'
                "other data sets</a> in this run.</p>"
            )
        self.pictures.append(picture)
        try:
            with Image.open(self.root / picture) as opened:
                width, height = opened.size
                few = opened.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        except OSError as error:
            raise DataError(f"{picture}: can't be read as a picture: {flat(error)}") from None
        png = io.BytesIO()
        few.save(png, "PNG", optimize=True)
        data = base64.b64encode(png.getvalue()).decode()
        text = escape(caption, quote=True)
        return (
            f'<figure><img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{text}">'
            f"<figcaption>{text} {self.source(picture)}</figcaption></figure>"
        )

    def source(self, path: str) -> str:
        """Return the note under a table or picture that names the file it's from."""
        if self.repository is None:
            return f'<code class="source">{escape(path)}</code>'
        return f'<a class="source" href="{escape(self._address(path), quote=True)}">{escape(path)}</a>'

    def _with_sources(self, html: str, text: str) -> str:
        """Put the page's tables in frames that scroll, each above the file that it's from."""
        before, *parts = html.split('<table class="sortable">')
        framed = [before]
        for table, part in zip(_tables(text), parts, strict=True):
            body, _, rest = part.partition("</table>")
            source = next((path for path, whole in self.tables.items() if table in whole), None)
            below = f"<p>{self.source(source)}</p>" if source else ""
            framed.append(
                f'<div class="table" tabindex="0" role="region" aria-label="Table">'
                f'<table class="sortable">{body}</table></div>{below}{rest}'
            )
        return "".join(framed)


def _html(text: str) -> Token:
    return Token("html_inline", "", 0, content=text)


def _unique(name: str, taken: set[str]) -> str:
    """Return an anchor that the page doesn't have yet, numbered as code hosts do; it's taken from now on."""
    numbered = (f"{name}-{number}" for number in itertools.count(1))
    anchor = next(anchor for anchor in itertools.chain([name], numbered) if anchor not in taken)
    taken.add(anchor)
    return anchor


def _tables(text: str) -> list[str]:
    """Return the tables of a Markdown text, in its order."""
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text)]
    return [block for block in blocks if re.match(r"\|.*\|\n\|\s*:?-", block)]


def slug(title: str) -> str:
    """Return a heading's anchor, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def plain(title: str) -> str:
    """Return a heading without its marks."""
    (inline,) = _MARKDOWN.parseInline(title)
    return "".join(token.content for token in inline.children or [])
