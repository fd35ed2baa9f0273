"""Every shell block of README and of the pages on the pipeline, as printed, in the real pipeline at a small size.

A page's blocks run one after the other in one shell that stops at the first command that fails; after each of
its commands git may show as modified only what the page says. Paths and addresses that a reader would replace
are replaced.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from dvc.utils.serialize import dump_yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/faults"))
from projects import NOBODY, commit, git, small  # noqa: E402 - a helper of other tests

from notmiwae.pipeline import merged  # noqa: E402


def blocks(page: str, language: str = "sh") -> list[str]:
    """The fenced blocks of a language, in the page's order."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def with_environment(folder: Path) -> Path:
    """The folder with a `.venv` of links, in which the tools are those that run this test."""
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        (folder / ".venv" / path.name).symlink_to(path)
    for stamp in (".ready", ".tools"):
        (folder / ".venv" / stamp).unlink(missing_ok=True)
        (folder / ".venv" / stamp).touch()
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small pipeline as a user has it after `make repro`: run and committed; not to be changed."""
    folder = with_environment(small(tmp_path_factory.mktemp("docs") / "project"))
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["models"]["notmiwae"]["gaussian"]["training"] |= {"steps": 4}
    dump_yaml(folder / "params.yaml", params)
    assert shell("make repro", folder).returncode == 0
    commit(folder)
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, with somebody to commit as."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, symlinks=True)
    for name, value in (each.split("=") for each in NOBODY if "=" in each):
        git(folder, "config", name, value)
    return folder


def shell(
    script: str, folder: Path, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run what is printed in bash, which ends at the first command that fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | (more or {})
    command = ["bash", "-euo", "pipefail", "-c", script]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 0, f"{script}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended


def replaced(block: str, replacements: Mapping[str, str]) -> str:
    for old, new in replacements.items():
        block = block.replace(old, new)
    return block


def test_the_pipelines_page(project: Path) -> None:
    printed = blocks("docs/pipeline.md")
    check = [block for block in printed if "make check" in block]
    assert len(check) == 1
    # It clones and runs everything again; tests/faults/test_gate.py is about that.
    rest = [block for block in printed if block not in check]
    # A worker that is still running would write while the folder goes.
    ended = "until ! dvc queue status | grep -Eq 'Queued|Running'; do sleep 1; done; dvc queue stop"
    ended = shell("".join(rest) + ended, project)
    assert "neighbours" in ended.stdout
    assert git(project, "status", "--short") == ""
    assert shell("source .venv/bin/activate; dvc status", project).stdout.strip().endswith("up to date.")
    table = shell("source .venv/bin/activate; dvc exp show --csv", project).stdout
    assert table.count("Success") + table.count("neighbours") >= 2
    assert "make verify-cache" in check[0]
    shell("make verify-cache", project)


def test_the_page_on_sharing(project: Path, tmp_path: Path) -> None:
    replacements = {"/srv/": f"{tmp_path}/srv/"}
    mine, theirs = [], []
    for block in blocks("docs/sharing.md"):
        (theirs if block.startswith("dvc pull") else mine).append(replaced(block, replacements))
    assert len(theirs) == 1
    first = mine.index(next(block for block in mine if "dvc push" in block)) + 1
    shell("".join(mine[:first]), project)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(project), str(clone))
    with_environment(clone)
    ended = shell(f"source .venv/bin/activate\n{theirs[0]}", clone)
    assert "Running stage" not in ended.stdout
    assert ended.stdout.strip().endswith("Data and pipelines are up to date.")
    assert git(clone, "status", "--short") == ""
    activate = "source .venv/bin/activate\n"
    shell(activate + "".join(mine[first:]), project)
    # Addresses are in git, passwords and this machine's folders aren't.
    assert git(project, "status", "--short").split() == ["M", ".dvc/config"]


def test_the_page_on_clusters(project: Path, tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    # What Slurm would do, once.
    slurm = tmp_path / "slurm"
    slurm.mkdir()
    (slurm / "sbatch").write_text('#!/bin/bash\nwhile [ "$1" != --wrap ]; do shift; done\nbash -nc "$2"\n')
    (slurm / "sbatch").chmod(0o755)
    started = f"dask scheduler --host 127.0.0.1 --port {port} --no-dashboard --no-jupyter > {tmp_path}/said 2>&1 &"
    address = f"tcp://127.0.0.1:{port}"
    local = f"{address} --no-nanny --local-directory {tmp_path} > {tmp_path}/worker 2>&1 &"
    servers, users = [], []
    for block in blocks("docs/cluster.md"):
        if block.startswith("dask scheduler"):
            block = replaced(block, {"dask scheduler": started})
        elif block.startswith("python -m notmiwae.worker"):
            block = replaced(block, {"tcp://head-node:8786": local})
        else:
            users.append(replaced(block, {"tcp://head-node:8786": address}))
            continue
        servers.append(block)
    assert len(servers) == 2
    leave = "trap 'kill $(jobs -p)' EXIT\nsource .venv/bin/activate\n"
    # Something for the workers to do.
    change = "dvc exp run --quiet -S baselines.knn.neighbours=4 > /dev/null; git checkout --quiet .\n"
    assert len(users) == 3
    path = {"PATH": f"{slurm}{os.pathsep}{os.environ['PATH']}"}
    ended = shell(leave + "".join(servers) + change + "".join(users), project, path)
    assert "train notmiwae:" in ended.stdout + ended.stderr or "already" in ended.stderr


def test_the_page_on_own_tables(project: Path) -> None:
    (entry,) = (yaml.safe_load(block) for block in blocks("docs/own_table.md", "yaml"))
    params = merged(yaml.safe_load((project / "params.yaml").read_text()), entry)
    params["datasets"]["wages"]["replicates"] = 1
    for model in ("notmiwae", "miwae"):
        recipe = params["models"][model]["wages"]
        recipe |= {"members": 1, "imputation": {"samples": 10, "draws": 4}}
        recipe["training"] |= {"steps": 4, "check_every": 2}
    dump_yaml(project / "params.yaml", params)
    ended = shell("source .venv/bin/activate\n" + "".join(blocks("docs/own_table.md")), project)
    assert "wages-notmiwae" in ended.stdout


def test_readme(project: Path, tmp_path: Path) -> None:
    """The study's commands; `tests/test_readme.py` has the estimator's and the command's."""
    printed = [block for block in blocks("README.md") if "notmiwae impute" not in block]
    # The suite doesn't run itself.
    script = "".join(printed).replace("make test", "make test PYTEST=true")
    script = re.sub(r"git clone \S+", f"git clone --quiet {project}", script)
    script = script.replace("cd notmiwae", "cd project && cp -r $OLDPWD/.venv .", 1)
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(project / ".venv", tmp_path / "elsewhere/.venv", symlinks=True)
    shell(script, tmp_path / "elsewhere")


def test_every_page_with_shell_blocks_is_tested() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for page in ("README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))):
        if blocks(page):
            assert f'"{page}"' in text, page
