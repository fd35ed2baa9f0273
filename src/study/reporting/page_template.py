"""Fills a hand-written page's placeholders, so that no value in its prose outlives the run that made it."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

from notmiwae.errors import DataError
from notmiwae.files import whole_file
from study.run.pipeline import REPORTS

DOCS = Path("../docs")
"""Where the pages are, as seen from the benchmark's folder."""

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_NOTE = "<!-- Made by a stage from {}: edit that, not this. -->\n\n"


def read_template(path: Path) -> str:
    """Read the page's text.

    Raises:
        DataError: it can't be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read: {error}") from None


def fill(template: str, blocks: Mapping[str, str], values: Mapping[str, str], name: str) -> str:
    """Replace every `{{name}}` of the page, below a note on where it comes from.

    Arguments:
        template: Text of the page.
        blocks: Tables and the like by name; each has to have its place.
        values: Single values by name; the page takes those that it needs.
        name: Name of the template, for messages and the note.

    Raises:
        DataError: the page has a placeholder that nothing fills, or a block has no place in it.
    """
    known = {**values, **{key: text.strip() for key, text in blocks.items()}}
    asked = list(dict.fromkeys(_PLACEHOLDER.findall(template)))
    for key in asked:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise DataError(f"{name}: nothing fills the placeholder {{{{{key}}}}}{hint}")
    unused = [key for key in blocks if key not in asked]
    if unused:
        raise DataError(f"{name}: no placeholder for {', '.join(unused)}")
    return _NOTE.format(name) + _PLACEHOLDER.sub(lambda place: known[place[1]], template)


def write_page(name: str, blocks: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Fill `docs/<name>.template.md` into `docs/<name>.md`, and write each block as `reports/<block>.md`.

    Nothing is written if the template doesn't fit.

    Arguments:
        name: Name of the page.
        blocks: Tables and the like by name, each of which the page has.
        values: Single values by name.

    Raises:
        DataError: the template can't be read, or doesn't fit.
    """
    template = DOCS / f"{name}.template.md"
    page = fill(read_template(template), blocks, values, template.name)
    texts = {REPORTS / f"{block}.md": text for block, text in blocks.items()}
    for path, text in (texts | {DOCS / f"{name}.md": page}).items():
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
