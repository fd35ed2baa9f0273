"""Check that the committed results come out again: `python -m study.reproduction.check [--fast]`.

It clones the repository's commit into a temporary folder, runs the pipeline there from nothing and compares
what comes out with what is committed. In the environment that the results were made in (same processor, same
packages: `environment.json`) every file has to come out byte for byte. Elsewhere rounding differs, training
amplifies it, and results and metrics are compared within `reproduction` of params.yaml, figures by their
pixels. Timings are never compared.

The longer pipelines aren't rerun: their locks say what their results were made from. Where that has changed
since, a corner of the pipeline is rerun, if `reproduction.corners` has one; otherwise the check fails.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from notmiwae.errors import DataError, NotMIWAEError, ParameterError
from notmiwae.files import whole_folder
from notmiwae.specs import suggest
from study.reporting.environment import environment
from study.reproduction.checkout import PIPELINE, Checkout, checkout, repositories
from study.reproduction.compare import compare
from study.reproduction.corners import ReproductionSpec, rerun
from study.run.pipeline import REPORTS, section

FAST = ("train@gaussian-notmiwae", "oracle@gaussian")
"""Stages that, with all before them, are the quick check: tables, masks, training curves, metrics."""
KEPT = Path("build/reproduced")
"""Folder in which new reports are kept if they differ."""
SHOWN = (".", "images", "ladder", "paper")
"""Folders of the pipelines whose results are shown: what they were made from must be what stands there."""


def reproduce(repository: Path, spec: ReproductionSpec, stages: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Run a clone from nothing; return what was asked for, and what differs, a line each.

    Arguments:
        repository: Git repository with the pipeline, whose commit is cloned.
        spec: Differences that are allowed in another environment than the committed one, and corners of
            further pipelines.
        stages: Stages to run, with all before them; the whole pipeline by default.

    Raises:
        DataError: there are no committed results, or a stage failed.
    """
    with checkout(repository) as clone, tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        reports = clone.folder / REPORTS
        if not (reports / "environment.json").is_file():
            raise DataError(
                f"{REPORTS}/environment.json isn't committed; run `make repro` and commit {REPORTS}/"
            )
        shutil.copytree(reports, before)
        same = json.loads((reports / "environment.json").read_text(encoding="utf-8")) == environment()
        complaints = _stale(clone.folder, ["."] if stages else repositories(clone.folder), spec)
        for name in spec.fast if stages else ():
            complaints += _corner(clone.folder, name, spec)
        clone.repro(*(stages or [PIPELINE]))
        complaints += compare(before, reports, None if same else spec)
        if complaints:
            with whole_folder(repository / KEPT) as kept:
                shutil.copytree(reports, kept / "reports")
        how = "byte for byte" if same else f"within {spec.relative:.0%} + {spec.absolute:g}"
        if not same and not complaints:
            differing = {line.partition(": ")[0] for line in compare(before, reports, None)}
            others = len(differing - {"environment.json"})
            how += f", and byte for byte but for {others} file(s)" if others else ", and even byte for byte"
        return how, complaints


def _stale(clone: Path, folders: Sequence[str], spec: ReproductionSpec) -> list[str]:
    """List what makes the lock of a pipeline stale whose results are shown, or how its corner now differs.

    Other pipelines' stale locks, and a corner that came out again, are printed.
    """
    complaints = []
    for folder in folders:
        for pipeline, lines in sorted(Checkout(clone, folder).stale().items()):
            lock = (Path(folder) / pipeline).with_suffix(".lock")
            if folder in SHOWN and folder not in spec.corners:
                complaints += [f"{lock} is stale: {line}" for line in lines]
                continue
            print(f"note: {lock} is stale, its inputs have changed since it ran:", file=sys.stderr)
            print("\n".join(f"  {line}" for line in lines[:3]), file=sys.stderr)
            if folder in spec.corners:
                complaints += [f"{line} ({lock} is stale)" for line in _corner(clone, folder, spec)]
    return complaints


def _corner(clone: Path, folder: str, spec: ReproductionSpec) -> list[str]:
    """Rerun the corner of a pipeline; list what differs, or print that nothing does."""
    if folder not in spec.corners:
        raise ParameterError(f"reproduction.fast: {folder} has no corner{suggest(folder, spec.corners)}")
    differences = rerun(clone, folder, spec.corners[folder], spec)
    if not differences:
        print(f"note: a corner of {folder} was rerun and came out again", file=sys.stderr)
    return differences


def _uncommitted(repository: Path) -> list[str]:
    command = ["git", "-C", str(repository), "status", "--porcelain"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def main(arguments: list[str] | None = None) -> int:
    """Check the repository of the working folder; the exit status is 1 when something differs."""
    parser = argparse.ArgumentParser(
        prog="make check", description="Do the committed results come out again?"
    )
    fast = f"run {' and '.join(FAST)} with what they need, and the corners in `reproduction.fast`; no more"
    parser.add_argument("--fast", action="store_true", help=fast)
    stages = FAST if parser.parse_args(arguments).fast else ()
    repository = Path.cwd()
    try:
        spec = section(ReproductionSpec, "reproduction")
        if left := _uncommitted(repository):
            print(f"note: the commit is checked, without {len(left)} uncommitted change(s)", file=sys.stderr)
        how, complaints = reproduce(repository, spec, stages)
    except NotMIWAEError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if complaints:
        print(f"NOT REPRODUCED: {len(complaints)} difference(s) ({how} was asked for):", file=sys.stderr)
        print("\n".join(f"  {line}" for line in complaints), file=sys.stderr)
        print(f"The new files lie in {KEPT}/; compare: diff -r reports {KEPT}/reports", file=sys.stderr)
        return 1
    what = f"{' and '.join(FAST)} with all before them" if stages else f"{REPORTS}/"
    print(f"Reproduced {how}: {what} came out again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
