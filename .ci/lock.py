"""Pin what is installed: requirements.lock is what results are computed with, requirements-dev.lock the rest.

The pipeline's stages depend on the first, so that a new linter reruns nothing. requirements-hashes.lock has
the digests of the files of both, for any platform.
"""

import subprocess
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = "notmiwae"
LEFT_OUT = {PACKAGE, "pip", "wheel"}
FILES = {
    "requirements.lock": "What results are computed with",
    "requirements-dev.lock": "What runs, tests and checks the pipeline beside requirements.lock",
}
NOTE = """\
# {what}, pinned, for Python 3.11; `make lock` writes this file. No hashes:
# torch's builds (CPU, CUDA) share a version and differ in their files, and any of them will do.
"""
HASHES = "requirements-hashes.lock"
OF_HASHES = """\
# The two other locks without torch, with the digests of the files they may be installed from; `make lock`
# writes this file, and the environment is made from it.
"""


def needed(package: Distribution, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """A package and what it needs here, by canonical name; what isn't installed isn't needed here."""
    found[canonicalize_name(package.name)] = package
    for text in package.requires or []:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if name not in found and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            needed(distribution(name), found)
    return found


def hashed() -> str:
    """The pins of both files with the digests that the index names for them."""
    command = ["uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-deps", "--universal"]
    options = ["--no-header", "--no-annotate", "--no-emit-package", "torch"]
    return subprocess.run([*command, *options, *FILES], check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Write the three files."""
    installed = {canonicalize_name(each.name): each for each in distributions()}
    runtime = needed(distribution(PACKAGE), {})
    for file, what in FILES.items():
        lines = [
            f"{each.name}=={each.version.removesuffix('+cpu')}\n"
            for name, each in sorted(installed.items())
            if name not in LEFT_OUT and (name in runtime) == (file == "requirements.lock")
        ]
        Path(file).write_text(NOTE.format(what=what) + "".join(lines), encoding="utf-8")
    Path(HASHES).write_text(OF_HASHES + hashed(), encoding="utf-8")


main()
