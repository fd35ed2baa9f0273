"""Tests run as the stages do: one thread, one instruction set, in this process and in those it starts.

They know nothing of who runs them: not their settings of git and DVC, nor their name. What needs a program
that isn't here is left out, which the last lines say (`programs.py`).
"""

import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings

import programs
from study.run.process_env import PINS

os.environ.update(PINS)

import torch  # after the pins, which it reads on import

torch.set_num_threads(1)

# How long an example takes is the machine's business, not a test's. The suite's examples are the same in each
# run; `make fuzz` (FUZZ) takes new ones.
settings.register_profile("untimed", deadline=None, derandomize="FUZZ" not in os.environ)
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]
GIT_SETTINGS = """[user]
name = nobody
email = nobody@example.invalid
[init]
defaultBranch = main
[safe]
directory = *
"""


def pytest_configure(config: pytest.Config) -> None:
    """Set the settings of git and DVC, before modules are imported that keep the environment."""
    folder = tempfile.TemporaryDirectory(prefix="notmiwae-tests-")
    config.add_cleanup(folder.cleanup)
    settings_of_git = Path(folder.name) / "gitconfig"
    settings_of_git.write_text(GIT_SETTINGS)
    # A hook of git's that runs the tests names its repository so, and theirs are others.
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"):
        os.environ.pop(name, None)
    os.environ |= {"GIT_CONFIG_GLOBAL": str(settings_of_git), "GIT_CONFIG_NOSYSTEM": "1"}
    os.environ |= {f"DVC_{which}_CONFIG_DIR": folder.name for which in ("GLOBAL", "SYSTEM")}
    # Beside the repositories DVC keeps state for all users of a machine.
    os.environ["DVC_SITE_CACHE_DIR"] = str(Path(folder.name) / "dvc")


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's files as they would be committed now, in a folder of their own; not to be changed.

    A run of the pipeline on another processor changes results in their third digit, and nobody commits these:
    what has to fit together is what is in git. It's git's index: after a commit, or a clone, that is the
    commit, and who has edited a page hears of it when it's added, before it's committed. In a source archive,
    which git knows nothing of, it's the folder itself.
    """
    if not (ROOT / ".git").exists():
        return ROOT
    folder = tmp_path_factory.mktemp("committed")
    # Bytes as they are in git, whatever a user has git do with the ends of lines.
    command = ["git", "-c", "core.autocrlf=false", "checkout-index", "--all", f"--prefix={folder}/"]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


# --- tests that need programs

LEFT_OUT = pytest.StashKey[dict[str, list[str]]]()
"""What each test that is left out would have needed, by its name."""


def needed(item: pytest.Item) -> list[str]:
    """What a test needs that isn't here."""
    names = (name for mark in item.iter_markers("needs") for name in mark.args)
    return programs.missing(tuple(dict.fromkeys(names)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what can't run here, of that which was asked for."""
    if programs.all_required():
        return
    wanting = {item.nodeid: absent for item in items if (absent := needed(item))}
    config.stash[LEFT_OUT] = wanting
    if wanting:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in wanting])
        items[:] = [item for item in items if item.nodeid not in wanting]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Where nothing may be left out, say what is missing."""
    if absent := needed(item):
        pytest.fail(f"there is no {', no '.join(absent)}, and {programs.ALL}=1: see `make test-all`", False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of several that run tests tells the first what it left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """The first of several processes takes it down."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    config.stash.setdefault(LEFT_OUT, {}).update(getattr(node, "workeroutput", {}).get("left_out", {}))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out and how to have it."""
    for line in left_out(list(config.stash.get(LEFT_OUT, {}).values())):
        terminalreporter.write_line(line, yellow=True)


def left_out(wanting: Sequence[Sequence[str]]) -> list[str]:
    """The lines that say so, of what each test that was left out would have needed."""
    if not wanting:
        return []
    counts = Counter(name for names in wanting for name in names)
    programs_wanted = ", ".join(f"{name} ({counts[name]})" for name in sorted(counts))
    how = "`make test-all` installs the programs (apt-get) and runs all"
    if programs.MOUNT in counts:
        how += f"; {programs.MOUNT} is for root"
    return [f"left out {len(wanting)} test(s), as these aren't here: {programs_wanted}", f"{how}."]
