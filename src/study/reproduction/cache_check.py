"""Find damaged objects of DVC's cache: `python -m study.reproduction.cache_check [--remove]`.

An object is named by the MD5 of its content and write-protected. While its mode says so, DVC believes it: a
rotten disk or a careless `chmod` puts other bytes into results, and nothing tells. This reads every object.
"""

import argparse
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from notmiwae.errors import DataError
from notmiwae.progress import progress_bar
from study.reproduction.checkout import Checkout
from study.reproduction.dvc_locks import read_locks

_TO_REMOVE = "Remove them: python -m study.reproduction.cache_check --remove"
_AFTERWARDS = "`dvc repro` makes them again, `dvc fetch` brings them from a remote."
_NAME = re.compile(r"[0-9a-f]{32}(\.dir)?")


def objects_of(cache: Path) -> list[Path]:
    """List the objects of a cache, which is the folder `files/md5` of a DVC cache."""
    return [path for path in sorted(cache.glob("??/*")) if _NAME.fullmatch(name(path))]


def damaged(objects: Sequence[Path], show: bool = False) -> Iterator[Path]:
    """Yield the objects whose content doesn't have the digest that they are named by.

    Arguments:
        objects: Objects to read.
        show: Whether a progress bar is drawn on the error stream.
    """
    with progress_bar("reading the cache", show) as report:
        for number, path in enumerate(objects, start=1):
            with path.open("rb") as content:
                if hashlib.file_digest(content, "md5").hexdigest() != name(path).removesuffix(".dir"):
                    yield path
            report(number, len(objects), 0.0)


def name(path: Path) -> str:
    """Return the name of an object: its first two digits are those of its folder."""
    return path.parent.name + path.name


def owners(repository: Path, cache: Path) -> dict[str, list[str]]:
    """List the files that each object is the content of, by the object's name, as the locks have it.

    Arguments:
        repository: Folder in which the locks lie, at any depth.
        cache: Folder `files/md5` of its cache.
    """
    files: dict[str, list[str]] = defaultdict(list)
    for locked in read_locks(sorted(repository.rglob("dvc.lock"))):
        if locked.made:
            files[locked.digest].append(locked.path)
            for member in _members(cache, locked.digest):
                files[str(member.get("md5"))].append(f"{locked.path}/{member.get('relpath')}")
    return files


def _members(cache: Path, digest: str) -> list[Mapping[str, Any]]:
    """Return what a folder's object lists; nothing where it's absent or itself damaged."""
    if not digest.endswith(".dir"):
        return []
    try:
        listed = json.loads((cache / digest[:2] / digest[2:]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [member for member in listed if isinstance(member, Mapping)] if isinstance(listed, list) else []


def main(arguments: list[str] | None = None) -> int:
    """Read the cache of the working folder's repository; the exit status is 1 when an object is damaged."""
    parser = argparse.ArgumentParser(
        prog="make verify-cache", description="Is every object what its name says?"
    )
    parser.add_argument(
        "--remove", action="store_true", help="remove what is damaged, so that it's made again"
    )
    remove = parser.parse_args(arguments).remove
    try:
        cache = Path(Checkout(Path.cwd()).read("cache", "dir").strip(), "files/md5")
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    objects = objects_of(cache)
    rotten = list(damaged(objects, show=sys.stderr.isatty()))
    if not rotten:
        print(f"{cache}: {len(objects):,} objects, each of them what its name says.")
        return 0
    files = owners(Path.cwd(), cache)
    print(f"{cache}: {len(rotten)} damaged object(s):", file=sys.stderr)
    for path in rotten:
        named = ", ".join(files.get(name(path), ["nothing of this commit"]))
        print(f"  {name(path)}: {named}{' (removed)' if remove else ''}", file=sys.stderr)
        if remove:
            path.unlink()
    print(_AFTERWARDS if remove else _TO_REMOVE, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
