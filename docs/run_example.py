"""Run a page's Python from top to bottom; put what it prints below each piece, figures beside the page."""

import contextlib
import io
import re
import shutil
import sys
from pathlib import Path

FIGURE = re.compile(r"savefig\(\"([^\"/]+)\"")
PIECE = re.compile(r"```python\n(.*?)```\n(?:\n```text\n.*?```\n)?", re.DOTALL)


def run(page: str) -> str:
    """The page with the output of each piece of Python below it."""
    names: dict[str, object] = {}

    def shown(piece: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(piece[1], names)
        output = f"\n```text\n{printed.getvalue().rstrip()}\n```\n" if printed.getvalue() else ""
        return f"```python\n{piece[1]}```\n{output}"

    return PIECE.sub(shown, page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        page = path.read_text(encoding="utf-8")
        path.write_text(run(page), encoding="utf-8")
        for figure in FIGURE.findall(page):
            shutil.move(figure, path.parent / figure)
