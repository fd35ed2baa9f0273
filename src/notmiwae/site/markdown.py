"""Markdown pages as HTML: pictures in the file, tables that can be sorted, links that still lead there."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image

from notmiwae.errors import DataError

_COMMENT = re.compile(r"<!--.*?-->\n?", re.S)
_COLOURS = 128
"""Of a picture in the page: flat figures lose nothing by it, and take a third of the space."""


class Renderer:
    """Turns the Markdown files of a repository into parts of one page.

    Arguments:
        root: The repository.
        page: The page's path, as seen from there.
        chapters: Files that are parts of the page, and the name of each one's anchor.
        tables: Texts of tables by the file that they are from.
        made: Texts of chapters that are made for the page and are no file.
    """

    def __init__(
        self,
        root: Path,
        page: str,
        chapters: Mapping[str, str],
        tables: Mapping[str, str],
        made: Mapping[str, str],
    ) -> None:
        self._root, self._page = root, Path(page)
        self._chapters, self._tables, self._made = chapters, tables, made
        self.pictures: list[str] = []
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def render(self, path: str) -> tuple[str, list[tuple[str, str]]]:
        """A file as HTML, its title and sections one level down; and the anchors and names of the sections.

        Raises:
            DataError: a file that it includes, shows or links to isn't there.
        """
        text = self._read(path)
        text = _COMMENT.sub("", text)
        tokens = self._markdown.parse(text)
        sections: list[tuple[str, str]] = []
        anchor = self._chapters[path]
        for place, token in enumerate(tokens):
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{int(token.tag[1]) + 1}"
            if token.type == "heading_open":
                title = tokens[place + 1].content
                name = anchor if token.tag == "h2" else f"{anchor}-{slug(title)}"
                token.attrSet("id", name)
                if token.tag == "h3":
                    sections.append((name, plain(title)))
            if token.type == "inline":
                self._inline(tokens, place, path)
            if token.type == "table_open":
                token.attrSet("class", "sortable")
        html = self._markdown.renderer.render(tokens, self._markdown.options, {})
        return self._with_sources(html, text), sections

    def _read(self, path: str) -> str:
        if path in self._made:
            return self._made[path]
        try:
            return (self._root / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: can't be read: {error}") from None

    def _inline(self, tokens: Sequence[Token], place: int, path: str) -> None:
        children = tokens[place].children or []
        for child in children:
            if child.type == "link_open":
                child.attrSet("href", self._link(str(child.attrGet("href")), path))
        if len(children) == 1 and children[0].type == "image":
            image = children[0]
            shown = self._figure(
                os.path.normpath(Path(path).parent / str(image.attrGet("src"))), image.content
            )
            # A figure is no part of a paragraph.
            for around in (tokens[place - 1], tokens[place + 1]):
                around.hidden = True
            tokens[place].children = [Token("html_inline", "", 0, content=shown)]

    def _link(self, target: str, path: str) -> str:
        """A link as seen from the page: to a part of it, or to a file of the repository."""
        if "://" in target:
            return target
        file, _, section = target.partition("#")
        place = os.path.normpath(Path(path).parent / file) if file else path
        if place in self._chapters:
            anchor = self._chapters[place]
            return f"#{anchor}-{section}" if section else f"#{anchor}"
        if not (self._root / place).exists():
            raise DataError(f"{path}: links to {target}, which isn't there")
        return os.path.relpath(place, self._page.parent)

    def _figure(self, picture: str, caption: str) -> str:
        if not (self._root / picture).is_file():
            raise DataError(f"{picture}: no such picture; run the stage that makes it")
        if not caption.strip():
            raise DataError(f"{picture}: its link says nothing to who can't see it")
        self.pictures.append(picture)
        with Image.open(self._root / picture) as opened:
            width, height = opened.size
            few = opened.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
            held = io.BytesIO()
            few.save(held, "PNG", optimize=True)
        data = base64.b64encode(held.getvalue()).decode()
        text = escape(caption, quote=True)
        return (
            f'<figure><img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{text}">'
            f"<figcaption>{text} {self._source(picture)}</figcaption></figure>"
        )

    def _source(self, path: str) -> str:
        link = os.path.relpath(path, self._page.parent)
        return f'<a class="source" href="{escape(link, quote=True)}">{escape(path)}</a>'

    def _with_sources(self, html: str, text: str) -> str:
        """The page's tables in frames that scroll, each above the file that it's from."""
        shown = _tables(text)
        parts = html.split('<table class="sortable">')
        framed = [parts[0]]
        for table, part in zip(shown, parts[1:], strict=True):
            body, _, rest = part.partition("</table>")
            source = next((path for path, whole in self._tables.items() if table in whole), None)
            below = f"<p>{self._source(source)}</p>" if source else ""
            framed.append(
                f'<div class="table" tabindex="0" role="region" aria-label="Table">'
                f'<table class="sortable">{body}</table></div>{below}{rest}'
            )
        return "".join(framed)


def _tables(text: str) -> list[str]:
    """The tables of a Markdown text, in its order."""
    blocks = re.split(r"\n\s*\n", text)
    lines = [block.strip() for block in blocks]
    return [block for block in lines if re.match(r"\|.*\|\n\|\s*:?-", block)]


def slug(title: str) -> str:
    """A heading's anchor, as code hosts make it."""
    kept = re.sub(r"[^\w\- ]", "", title.strip().lower())
    return kept.replace(" ", "-")


def plain(title: str) -> str:
    """A heading without its marks."""
    return re.sub(r"[*`_]", "", title)
