"""Every shell block of README and of the pages on the pipeline, typed in the real pipeline at a small size.

A page's blocks run one after the other in one shell that stops at the first command that fails. Paths and
addresses that a reader would replace are replaced.
"""

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from as_typed import WAIT, shell, with_environment
from dvc.utils.serialize import dump_yaml
from projects import git

from study.run.pipeline import merged

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str = "sh") -> list[str]:
    """The fenced blocks of a language, in the page's order."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


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
    ended = shell("".join(rest) + f"{WAIT}; dvc queue stop", project)
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
        (theirs if "dvc pull" in block else mine).append(replaced(block, replacements))
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
    started = (
        f"dask scheduler --host 127.0.0.1 --port {port} --no-dashboard --no-jupyter > {tmp_path}/said 2>&1 &"
    )
    address = f"tcp://127.0.0.1:{port}"
    local = f"{address} --no-nanny --local-directory {tmp_path} > {tmp_path}/worker 2>&1 &"
    servers, users = [], []
    for block in blocks("docs/cluster.md"):
        if block.startswith("dask scheduler"):
            block = replaced(block, {"dask scheduler": started})
        elif block.startswith("python -m study.run.worker"):
            block = replaced(block, {"tcp://head-node:8786": local})
        else:
            users.append(replaced(block, {"tcp://head-node:8786": address}))
            continue
        servers.append(block)
    assert len(servers) == 2
    leave = "trap 'kill -9 $(jobs -p)' EXIT\nsource .venv/bin/activate\n"
    # Something for the workers to do.
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["recipes"]["gaussian"]["training"]["samples"] = 7
    dump_yaml(project / "params.yaml", params)
    assert len(users) == 3
    path = {"PATH": f"{slurm}{os.pathsep}{os.environ['PATH']}"}
    ask = f"Client('{address}').run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)"
    asked = f'python -c "from distributed import Client; print({ask})"\n'
    ended = shell(leave + "".join(servers) + "".join(users) + asked, project, path)
    # Each job is taken through some states: the work was the cluster's.
    assert int(ended.stdout.split()[-1]) > 0


def test_the_page_on_own_tables(project: Path) -> None:
    (entry,) = (yaml.safe_load(block) for block in blocks("docs/own_table.md", "yaml"))
    params = merged(yaml.safe_load((project / "params.yaml").read_text()), entry)
    for estimator in params["estimators"].values():
        estimator |= {"steps": 4, "members": 2, "n_samples": 10, "draws": 4}
    dump_yaml(project / "params.yaml", params)
    ended = shell("source .venv/bin/activate\n" + "".join(blocks("docs/own_table.md")), project)
    assert params["datasets"]["survey"]["source"]["sha256"] in ended.stdout
    assert "survey-notmiwae" in ended.stdout
    assert "the higher a value, the likelier it is missing" in ended.stdout
    assert ended.stdout.splitlines()[-2].startswith("R0001,10/04/2024,north,37,")


def test_the_page_on_assumptions(tmp_path: Path) -> None:
    """Its commands, of values below a limit; `tests/test_readme.py` has its Python."""
    with_environment(tmp_path)
    rng = np.random.default_rng(0)
    age = rng.normal(50.0, 10.0, 120)
    table = pd.DataFrame({"age": age, "lead": np.exp(0.04 * age + rng.normal(0.0, 0.5, 120))})
    table.round(3).to_csv(tmp_path / "complete.csv", index=False)
    ended = shell("source .venv/bin/activate\n" + "".join(blocks("docs/assumptions.md")), tmp_path)
    assert "censored: lead 20.0%" in ended.stderr
    imputed = pd.read_csv(tmp_path / "imputed.csv")
    known = imputed["lead_censored"].dropna()
    assert len(known) == 24
    assert (imputed.loc[known.index, "lead"] <= known.str.removeprefix("<").astype(float)).all()
    assert ended.stdout.splitlines()[-1].startswith("all")


def test_readme(project: Path, tmp_path: Path) -> None:
    """The study's commands; `tests/test_readme.py` has the estimator's and the command's."""
    printed = [block for block in blocks("README.md") if "notmiwae impute" not in block]
    # The suite doesn't run itself.
    script = "".join(printed).replace("make test", "make test PYTEST=true")
    script = re.sub(r"git clone \S+", f"git clone --quiet {project} notmiwae", script)
    script = script.replace("cd notmiwae\n", "cd notmiwae\ncp -a ../.venv .\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with_environment(elsewhere)
    ended = shell(script, elsewhere)
    assert "Experiment" in ended.stdout
    assert git(elsewhere / "notmiwae", "status", "--short") == ""


def test_every_page_with_shell_blocks_is_tested() -> None:
    # "docs/wages.md" has a command that takes a minute: tests/report/test_example.py shortens its training.
    text = Path(__file__).read_text(encoding="utf-8")
    for page in ("README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))):
        if blocks(page):
            assert f'"{page}"' in text, page
