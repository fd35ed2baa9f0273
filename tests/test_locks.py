"""The locks: what is installed is pinned, and by the digests of its files."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)


def pins(*names: str) -> dict[str, str]:
    text = "\n".join((ROOT / name).read_text() for name in names)
    return {canonicalize_name(name): version for name, version in PIN.findall(text)}


def test_the_hashed_lock_pins_what_the_others_do_but_torch() -> None:
    expected = pins(*LOCKS)
    del expected["torch"]  # its builds share a version
    assert pins("requirements-hashes.lock") == expected


def test_every_pin_has_a_digest() -> None:
    text = (ROOT / "requirements-hashes.lock").read_text().replace("\\\n", "")
    pinned = [line for line in text.splitlines() if "==" in line]
    assert len(pinned) == len(pins(*LOCKS)) - 1
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in pinned)


def test_no_package_is_in_both() -> None:
    assert not set(pins(LOCKS[0])) & set(pins(LOCKS[1]))


def test_what_is_pinned_is_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = sum(project["optional-dependencies"].values(), project["dependencies"])
    locked = pins(*LOCKS)
    for requirement in map(Requirement, asked):
        assert Version(locked[canonicalize_name(requirement.name)]) in requirement.specifier, requirement
