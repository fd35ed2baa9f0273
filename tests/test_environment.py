"""The environment: what each command installs, and what it says where it can't."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = ("Makefile", "pyproject.toml", *(path.name for path in ROOT.glob("requirements*.lock")))

PYTHON = """\
#!/bin/bash
# Stands for Python 3.11 with pip: it notes what it is asked for, and its venv is itself.
echo "$*" >> "$NOTES"
case "$*" in
  *version_info*) exit ${OTHER_VERSION:-0} ;;
  --version) echo Python 3.9.2 ;;
  *'import ensurepip'*) exit ${WITHOUT_VENV:-0} ;;
  '-m venv '*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  '-m pip config list') echo "${CONFIGURED:-}" ;;
  '-m pip install '*) exit ${PIP_FAILS:-0} ;;
esac
"""
DISK = "#!/bin/bash\necho Filesystem\necho /dev/disk 9999999 999 {kilobytes} 9% /\n"


class Machine:
    """A copy of what makes the environment, and a PATH with stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.notes = folder / "notes"
        self.programs = folder / "programs"
        self.programs.mkdir()
        shutil.copytree(ROOT / ".ci", self.folder / ".ci")
        for name in FILES:
            shutil.copy(ROOT / name, self.folder)
        self.program("python3.11", PYTHON)
        self.program("nvidia-smi", "#!/bin/bash\n")
        self.program("df", DISK.format(kilobytes=9_000_000))

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.programs}{os.pathsep}/usr/bin{os.pathsep}/bin"
        environment = {"PATH": path, "NOTES": str(self.notes), **variables}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def installed(self) -> list[str]:
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [line for line in lines if line.startswith("-m pip install ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_pipeline_installs_no_tools(machine: Machine) -> None:
    ended = machine.run("make", ".venv/.ready")
    assert ended.returncode == 0, ended.stderr
    pinned, computes, package = machine.installed()
    assert "--require-hashes -r requirements-hashes.lock -r requirements-dvc.lock" in pinned
    assert computes.endswith("-r requirements.lock")
    assert package.endswith("--no-deps --no-build-isolation -e .")


def test_tools_are_added_to_it_by_their_digests_and_once(machine: Machine) -> None:
    assert machine.run("make", ".venv/.tools").returncode == 0
    assert len(machine.installed()) == 4
    assert "--no-deps --require-hashes -r requirements-dev.lock" in machine.installed()[-1]
    assert machine.run("make", ".venv/.tools").returncode == 0
    assert len(machine.installed()) == 4


@pytest.mark.parametrize(
    ("target", "tools"),
    [
        *((name, False) for name in ("repro", "paper", "images", "long", "page", "check", "verify-cache")),
        *((name, True) for name in ("test", "lint", "sweep", "lock", "faults", "fuzz", "benchmarks", "api")),
    ],
)
def test_commands_ask_for_tools_only_where_they_need_them(machine: Machine, target: str, tools: bool) -> None:
    printed = machine.run("make", "-n", target).stdout
    assert ".ci/environment pipeline" in printed
    assert (".ci/environment tools" in printed) == tools


def test_a_half_made_environment_is_made_anew(machine: Machine) -> None:
    left = machine.folder / ".venv/bin/python"
    left.parent.mkdir(parents=True)
    left.write_text("#!/bin/bash\nexit 1\n")
    left.chmod(0o755)
    assert machine.run(".ci/environment", "pipeline").returncode == 0
    assert "-m venv --clear .venv" in machine.notes.read_text()
    assert len(machine.installed()) == 3


def test_a_python_that_is_not_there_is_named(machine: Machine) -> None:
    ended = machine.run(".ci/environment", "pipeline", PYTHON="python3.11-elsewhere")
    assert ended.returncode == 1
    assert ended.stderr == "error: python3.11-elsewhere not found; name Python 3.11 by make PYTHON=…\n"


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("OTHER_VERSION", "python3.11 is Python 3.9.2; requirements.lock is for Python 3.11"),
        ("WITHOUT_VENV", "python3.11 has no venv module; install it"),
        ("PIP_FAILS", "packages can't be installed; pip's own message stands above"),
    ],
)
def test_what_is_missing_is_said_in_one_line(machine: Machine, variable: str, message: str) -> None:
    ended = machine.run(".ci/environment", "pipeline", **{variable: "1"})
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"error: {message}")
    assert not (machine.folder / ".venv/.ready").exists()


def test_a_full_disk_is_found_before_anything_is_installed(machine: Machine) -> None:
    machine.program("df", DISK.format(kilobytes=512_988))
    ended = machine.run(".ci/environment", "pipeline")
    assert ended.returncode == 1
    assert ended.stderr == f"error: {machine.folder} has 500 MB free; the environment takes 1700 MB\n"
    assert machine.installed() == []


def test_a_linux_without_a_gpu_hears_once_how_to_save_disk(machine: Machine) -> None:
    (machine.programs / "nvidia-smi").unlink()
    machine.program("uname", "#!/bin/bash\necho Linux\n")
    told = machine.run(".ci/environment", "pipeline").stderr
    assert told.count("\n") == 1
    assert '"Disk" in CONTRIBUTING.md' in told
    assert "**Disk.**" in (ROOT / "CONTRIBUTING.md").read_text()
    # Who has told pip of another index, or has a Mac, knows or needs no better.
    knows = ":env:.extra-index-url='https://index.example'"
    assert machine.run(".ci/environment", "pipeline", CONFIGURED=knows).stderr == ""
    machine.program("uname", "#!/bin/bash\necho Darwin\n")
    assert machine.run(".ci/environment", "pipeline").stderr == ""


def test_a_source_archive_runs_without_git_and_a_clone_with_it(machine: Machine) -> None:
    (machine.folder / "show.mk").write_text("include Makefile\nshow:\n\t@echo $$DVC_SYSTEM_CONFIG_DIR\n")
    show = ("make", "-f", "show.mk", "show")
    settings = machine.run(*show).stdout.strip()
    assert settings == str(machine.folder / ".ci/no-git")
    (machine.folder / "dvc.yaml").write_text(
        "stages:\n  greet:\n    cmd: echo hello > greeting\n    outs: [greeting]\n"
    )
    (machine.folder / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/config", machine.folder / ".dvc")
    dvc = (shutil.which("dvc") or "dvc", "repro")
    home = str(machine.folder.parent)
    without = machine.run(*dvc, HOME=home)
    assert without.returncode != 0
    assert "is not a git repository" in without.stderr
    ended = machine.run(*dvc, HOME=home, DVC_SYSTEM_CONFIG_DIR=settings)
    assert ended.returncode == 0, ended.stderr
    assert (machine.folder / "greeting").read_text() == "hello\n"
    (machine.folder / ".git").mkdir()
    assert machine.run(*show).stdout.strip() == ""
