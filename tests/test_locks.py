"""The locks: what is installed is pinned by the digests of its files, and the pipeline needs no tools."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
COMPUTES, RUNS, TOOLS = "requirements.lock", "requirements-dvc.lock", "requirements-dev.lock"
LOCKS = (COMPUTES, RUNS, TOOLS)
HASHED = ("requirements-hashes.lock", RUNS, TOOLS)
PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)


def pins(*names: str) -> dict[str, str]:
    text = "\n".join((ROOT / name).read_text() for name in names)
    return {canonicalize_name(name): version for name, version in PIN.findall(text)}


def test_the_hashed_lock_pins_what_computes_but_torch() -> None:
    expected = pins(COMPUTES)
    del expected["torch"]  # its builds share a version
    assert pins("requirements-hashes.lock") == expected


@pytest.mark.parametrize("name", HASHED)
def test_every_pin_has_a_digest(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", "")
    pinned = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(pinned) == len(pins(name)) > 30
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in pinned)


def test_no_package_is_in_two_locks() -> None:
    assert len(pins(*LOCKS)) == sum(len(pins(name)) for name in LOCKS)


def test_what_is_pinned_is_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = sum(project["optional-dependencies"].values(), project["dependencies"])
    locked = pins(*LOCKS)
    for requirement in map(Requirement, asked):
        assert Version(locked[canonicalize_name(requirement.name)]) in requirement.specifier, requirement


def test_what_dvc_needs_is_locked_without_the_tools() -> None:
    locked, waiting, seen = pins(COMPUTES, RUNS), ["dvc"], set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in seen:
            seen.add(name)
            asked = [Requirement(text) for text in distribution(name).requires or []]
            waiting += [each.name for each in asked if not each.marker or each.marker.evaluate({"extra": ""})]
    assert len(seen) > 50
    assert seen <= set(locked)


WITHOUT_TOOLS = """
import ast, sys
from pathlib import Path

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

hidden = set(sys.argv[1].split())
sys.meta_path.insert(0, Absent())
for script in sys.argv[2:]:
    # Scripts run when they are imported: only what they import is wanted.
    nodes = ast.walk(ast.parse(Path(script).read_text()))
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    exec(compile(ast.Module(imports, []), script, "exec"), {"__name__": "imported"})
import notmiwae.cli.main, study.site.build_page, study.reproduction.cache_check, study.reproduction.check
import dvc.cli, dvc.commands.repro
print("imported", len(sys.argv) - 2)
"""


def test_stages_page_and_checks_import_no_tool() -> None:
    tools = pins(TOOLS)
    # What only tools provide: namespaces such as `google` may be shared.
    provided = packages_distributions().items()
    hidden = {name for name, by in provided if all(canonicalize_name(each) in tools for each in by)}
    assert {"optuna", "wandb", "pytest", "distributed"} <= hidden
    scripts = [path for path in (ROOT / "stages").glob("[!_]*.py") if path.stem != "sweep"]
    command = [sys.executable, "-c", WITHOUT_TOOLS, " ".join(hidden), *map(str, scripts)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stdout == f"imported {len(scripts)}\n", ended.stderr
    assert len(scripts) > 5


@pytest.mark.parametrize("version", ["3.11.0", "3.11.2", "3.11.4", "3.11.14"])
def test_what_an_older_or_newer_python_needs_is_locked(version: str) -> None:
    """Debian 12 has Python 3.11.2, for which redis needs a package that 3.11.3 made needless."""
    locked = pins(*LOCKS)
    environment = {"python_full_version": version, "extra": ""}
    for name in locked:
        for asked in map(Requirement, distribution(name).requires or []):
            if not asked.marker or asked.marker.evaluate(environment):
                assert canonicalize_name(asked.name) in locked, f"{name} on {version}: {asked}"
