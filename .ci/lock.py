"""Pin what is installed: requirements.lock is what results are computed with, the other files are the rest.

The pipeline's stages depend on requirements.lock, so that a new linter reruns nothing. requirements-dvc.lock
is what runs the pipeline, requirements-dev.lock is what tests and checks it. Every file but the first has the
digests of the files that each package may be installed from, on any platform; those of the first are in
requirements-hashes.lock.
"""

import subprocess
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = "notmiwae"
LEFT_OUT = {PACKAGE, "pip", "wheel"}
COMPUTES = "requirements.lock"
NOTE = """\
# What results are computed with, pinned, for Python 3.11; `make lock` writes this file. No hashes:
# torch's builds (CPU, CUDA) share a version and differ in their files, and any of them will do.
"""
HASHED = {
    "requirements-hashes.lock": "requirements.lock without torch",
    "requirements-dvc.lock": "What runs the pipeline beside requirements.lock: DVC",
    "requirements-dev.lock": "What tests and checks the pipeline beside the other locks",
}
OF_HASHES = """\
# {what}, pinned for Python 3.11 by the digests of the files
# that each package may be installed from; `make lock` writes this file.
"""


def needed(package: Distribution, extras: frozenset[str] = frozenset()) -> set[str]:
    """Return the canonical names of a package and of all that it needs here, with some of its extras."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(package, extras)]
    while waiting:
        package, extras = waiting.pop()
        entry = (canonicalize_name(package.name), extras)
        if entry in seen:
            continue
        seen.add(entry)
        for requirement in map(Requirement, package.requires or []):
            marker = requirement.marker
            if not marker or any(marker.evaluate({"extra": extra}) for extra in (extras | {""})):
                waiting.append((distribution(requirement.name), frozenset(requirement.extras)))
    return {name for name, _ in seen}


def hashed(pins: str) -> str:
    """Return pins with the digests that the index names for their files."""
    command = ["uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-deps", "--universal"]
    options = ["--no-header", "--no-annotate", "--no-emit-package", "torch", "-"]
    return subprocess.run([*command, *options], input=pins, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Write the four files."""
    computes = needed(distribution(PACKAGE), frozenset({"study"}))
    runs = needed(distribution(PACKAGE), frozenset({"pipeline"}))
    pins = {COMPUTES: "", "requirements-dvc.lock": "", "requirements-dev.lock": ""}
    for package in sorted(distributions(), key=lambda package: canonicalize_name(package.name)):
        name = canonicalize_name(package.name)
        if name not in LEFT_OUT:
            rest = "requirements-dvc.lock" if name in runs else "requirements-dev.lock"
            file = COMPUTES if name in computes else rest
            pins[file] += f"{package.name}=={package.version.removesuffix('+cpu')}\n"
    Path(COMPUTES).write_text(NOTE + pins[COMPUTES], encoding="utf-8")
    pins["requirements-hashes.lock"] = pins[COMPUTES]
    for file, what in HASHED.items():
        Path(file).write_text(OF_HASHES.format(what=what) + hashed(pins[file]), encoding="utf-8")


main()
