"""What the stages share: the sections of `params.yaml`, and where things lie."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from notmiwae.errors import ParameterError
from notmiwae.specs import Registry, Spec, parse_entry, parse_spec, suggest
from study.run.parallel import ComputeSpec
from study.run.params_file import PARAMS_FILE, lookup, read_params
from study.run.process_env import SCHEDULER

COMPLETE = Path("data/complete")
MASKED = Path("data/masked")
MODELS = Path("models")
IMPUTED = Path("data/imputed")
EVALUATED = Path("data/evaluated")
TRIALS = Path("data/trials")
REPORTS = Path("reports")

SECTIONS = (
    "extends",
    "seed",
    "compute",
    "run",
    "datasets",
    "networks",
    "training",
    "imputation",
    "models",
    "baselines",
    "ablation",
    "missing_rate",
    "published_recipe",
    "robustness",
    "sweep",
    "reproduction",
)
COMMON = ("training", "imputation")
"""Sections with dials that all models share; a model's own entry may say otherwise."""

_FILES = ("file", "labels")
"""Keys of sources whose values are paths."""
_WORD = re.compile(r"\w[\w.-]*")

S = TypeVar("S", bound=Spec)


def arguments(*names: str) -> list[str]:
    """The stage's arguments from the command line, one for each name: `--name value`, or in order.

    Raises:
        ParameterError: there are more or fewer; or one is no word, as it's to be part of paths.
    """
    parser = argparse.ArgumentParser(prog=f"python stages {Path(sys.argv[0]).stem}")
    for name in names:
        parser.add_argument(f"--{name}", metavar="NAME")
    parser.add_argument("values", nargs="*", metavar="NAME", help="the same without their names, in order")
    found = vars(parser.parse_intermixed_args())
    rest = found.pop("values")
    given = [found[name] if found[name] is not None or not rest else rest.pop(0) for name in names]
    count = len(given) + len(rest) - given.count(None)
    if count != len(names):
        raise ParameterError(f"expected {len(names)} argument(s) ({', '.join(names)}), found {count}")
    for name, value in zip(names, given, strict=True):
        if not _WORD.fullmatch(value):
            accepted = "a name of letters, digits, `_`, `-` and `.`, which starts with one of the first three"
            raise ParameterError(f"{name}: found {value!r}; accepted: {accepted}")
    return given


def params() -> dict[str, Any]:
    """`params.yaml`, its sections checked; where it `extends` another one, with that one's other sections.

    Raises:
        ParameterError: a section is unknown.
    """
    loaded = read_params()
    for section in loaded:
        if section not in SECTIONS:
            raise ParameterError(f"{PARAMS_FILE}: unknown section {section!r}{suggest(section, SECTIONS)}")
    base = loaded.pop("extends", None)
    if base is None:
        return loaded
    if not isinstance(base, str):
        raise ParameterError(f"{PARAMS_FILE}: extends: found {base!r}; accepted: the path of a params.yaml")
    there: dict[str, Any] = _as_seen_from_here(read_params(Path(base)), Path(base).parent)
    return there | loaded


def _as_seen_from_here(entry: Any, folder: Path) -> Any:
    """An entry of another folder's params.yaml, whose files are named as seen from there."""
    if isinstance(entry, Mapping):
        return {
            key: str(folder / value)
            if key in _FILES and isinstance(value, str)
            else _as_seen_from_here(value, folder)
            for key, value in entry.items()
        }
    return entry


def section(cls: type[S], key: str, changes: Mapping[str, Any] | None = None) -> S:
    """The entry at a dotted key, as a `cls`; raises `ParameterError` with one line if it doesn't fit.

    Arguments:
        cls: What the entry describes.
        key: Where it stands.
        changes: Keys of it to replace; see `merged`.
    """
    return parse_spec(cls, merged(lookup(params(), key), changes or {}), f"{PARAMS_FILE}: {key}")


def datasets(argument: str) -> list[str]:
    """The data sets that a stage's argument names: one, or `all` of `run.datasets`."""
    return [str(name) for name in lookup(params(), "run.datasets")] if argument == "all" else [argument]


def model_section(cls: type[S], model: str, dataset: str, changes: Mapping[str, Any] | None = None) -> S:
    """The recipe of a model, as a `cls`.

    It stands at `models.<model>` where one serves all data sets, otherwise at `models.<model>.<dataset>`.
    What the sections `COMMON` say holds where it says nothing itself.

    Arguments:
        cls: `inference.recipe.Recipe`.
        model: The model.
        dataset: The data set.
        changes: Keys of it to replace; see `merged`.
    """
    loaded = params()
    key = f"models.{model}"
    value = lookup(loaded, key)
    if not (isinstance(value, Mapping) and "missing_process" in value):
        key = f"{key}.{dataset}"
        value = lookup(loaded, key)
    if isinstance(value, Mapping):
        value = merged({name: loaded[name] for name in COMMON if name in loaded}, value)
    return parse_spec(cls, merged(value, changes or {}), f"{PARAMS_FILE}: {key}")


def merged(entry: Any, changes: Any) -> Any:
    """`entry` with `changes`: mappings are merged key by key, anything else is replaced.

    A mapping with a `kind` describes another object, and replaces the one that was there.
    """
    if not (isinstance(entry, Mapping) and isinstance(changes, Mapping)):
        return changes
    if changes.get("kind", entry.get("kind")) != entry.get("kind"):
        return changes
    both = {name: merged(entry[name], changes[name]) for name in entry.keys() & changes.keys()}
    return {**entry, **changes, **both}


def entry(registry: Registry[S], key: str, dataset: str = "") -> S:
    """The entry of a registered kind at a dotted key, with what it says under `overrides: {dataset: …}`."""
    where = f"{PARAMS_FILE}: {key}"
    value = lookup(params(), key)
    if not isinstance(value, Mapping):
        raise ParameterError(f"{where}: expected a mapping with a `kind`, found {value!r}")
    common = {name: each for name, each in value.items() if name != "overrides"}
    return parse_entry(registry, common | (value.get("overrides") or {}).get(dataset, {}), where)


def seed() -> int:
    """The one seed that all others are spawned from."""
    return _whole_number("seed", 0)


def replicates(dataset: str) -> int:
    """How many replicates a data set has."""
    return _whole_number(f"datasets.{dataset}.replicates", 1)


def _whole_number(key: str, least: int) -> int:
    value = lookup(params(), key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        expected = f"expected a whole number of {least} or more"
        raise ParameterError(f"{PARAMS_FILE}: {key}: {expected}, found {value!r}")
    return value


def compute() -> ComputeSpec:
    """The section `compute`; the variable `SCHEDULER` sends jobs to a cluster, whatever stands there."""
    address = os.environ.get(SCHEDULER)
    return section(ComputeSpec, "compute", {"backend": "dask", "address": address} if address else None)


def cell_folder(stage: Path, dataset: str, method: str) -> Path:
    """Where a stage keeps what it made of a cell, or with `all` data sets of a method's cells."""
    return stage / method if dataset == "all" else stage / method / dataset


def replicate_folder(folder: Path, replicate: int) -> Path:
    """Where a replicate's models lie in a cell's folder, a folder for each member."""
    return folder / f"{replicate:03d}"


def cell(dataset: str, method: str) -> str:
    """The name of a cell of the experiment's grid, as in DVC's stage names."""
    return f"{dataset}-{method}"
