"""Run the Python of a page of docs/ from top to bottom, and put what it prints below each piece."""

import contextlib
import io
import re
import sys
from pathlib import Path

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
        path.write_text(run(path.read_text(encoding="utf-8")), encoding="utf-8")
