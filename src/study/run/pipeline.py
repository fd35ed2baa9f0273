"""What the stages share: the sections of `params.yaml`, and where things lie."""

import argparse
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from notmiwae.errors import ParameterError
from notmiwae.specs import Registry, Spec, parse_entry, parse_spec, suggest
from study.run.grid import GridSpec
from study.run.parallel import ComputeSpec
from study.run.params_file import PARAMS_FILE, lookup, read_params
from study.run.process_env import SCHEDULER

COMPLETE = Path("data/complete")
MASKED = Path("data/masked")
MODELS = Path("models")
IMPUTED = Path("data/imputed")
COMPLETED = Path("data/completed")
EVALUATED = Path("data/evaluated")
SIDE_STUDIES = Path("data/side_studies")
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
    "recipes",
    "models",
    "estimators",
    "baselines",
    "ladder",
    "ablation",
    "missing_rate",
    "published_recipe",
    "robustness",
    "pooled",
    "sweep",
    "reproduction",
)
COMMON = ("training", "imputation")
"""Sections with dials that all models share; recipes and models may say otherwise."""

_FILES = ("file", "labels")
"""Keys of sources whose values are paths."""
_WORD = re.compile(r"\w[\w.-]*")

S = TypeVar("S", bound=Spec)


def arguments(*names: str) -> list[str]:
    """Return the stage's arguments from the command line, one for each name: `--name value`, or in order.

    Raises:
        ParameterError: there are more or fewer; or one is no word, as it's to be part of paths.
    """
    parser = argparse.ArgumentParser(prog=f"python stages {Path(sys.argv[0]).stem}")
    for name in names:
        parser.add_argument(f"--{name}", metavar="NAME")
    parser.add_argument("values", nargs="*", metavar="NAME", help="the same without their names, in order")
    parsed = vars(parser.parse_intermixed_args())
    unnamed = parsed.pop("values")
    given = [parsed[name] if parsed[name] is not None or not unnamed else unnamed.pop(0) for name in names]
    count = len(given) + len(unnamed) - given.count(None)
    if count != len(names):
        raise ParameterError(f"expected {len(names)} argument(s) ({', '.join(names)}), found {count}")
    for name, value in zip(names, given, strict=True):
        if not _WORD.fullmatch(value):
            accepted = "a name of letters, digits, `_`, `-` and `.`, which starts with one of the first three"
            raise ParameterError(f"{name}: found {value!r}; accepted: {accepted}")
    return given


def params() -> dict[str, Any]:
    """Read `params.yaml`; where it `extends` another one, with that one's other sections.

    Raises:
        ParameterError: a section of either file is unknown, or the other one extends a third.
    """
    own = _sections(PARAMS_FILE)
    base = own.pop("extends", None)
    if base is None:
        return own
    if not isinstance(base, str):
        raise ParameterError(f"{PARAMS_FILE}: extends: found {base!r}; accepted: the path of a params.yaml")
    extended = _sections(Path(base))
    if "extends" in extended:
        raise ParameterError(
            f"{base}: extends {extended['extends']!r}, and {PARAMS_FILE} extends it; accepted: a params.yaml "
            "that stands alone"
        )
    seen_from_here: dict[str, Any] = _as_seen_from_here(extended, Path(base).parent)
    return seen_from_here | own


def _sections(path: Path) -> dict[str, Any]:
    """Read the sections of a params.yaml, their names checked."""
    loaded = read_params(path)
    for name in loaded:
        if name not in SECTIONS:
            raise ParameterError(f"{path}: unknown section {name!r}{suggest(name, SECTIONS)}")
    grid = loaded.get("run")
    if isinstance(grid, Mapping) and "methods" in grid:
        raise ParameterError(f"{path}: run.methods: delete this key; models and baselines name all methods")
    return loaded


def _as_seen_from_here(entry: Any, folder: Path) -> Any:
    """Return an entry of another folder's params.yaml, its files named as seen from here."""
    if isinstance(entry, Mapping):
        return {
            key: str(folder / value)
            if key in _FILES and isinstance(value, str)
            else _as_seen_from_here(value, folder)
            for key, value in entry.items()
        }
    return entry


def section(cls: type[S], key: str, changes: Mapping[str, Any] | None = None) -> S:
    """Return the entry at a dotted key as a `cls`.

    Arguments:
        cls: Class of the entry.
        key: Dotted key at which it stands.
        changes: Keys of the entry to replace; see `merged`.

    Raises:
        ParameterError: it doesn't fit; the message is one line.
    """
    return parse_spec(cls, merged(lookup(params(), key), changes or {}), f"{PARAMS_FILE}: {key}")


def grid() -> GridSpec:
    """Return the section `run`."""
    return section(GridSpec, "run")


def datasets(argument: str) -> tuple[str, ...]:
    """List the data sets that a stage's argument names: one, or `all` of the grid."""
    return grid().datasets if argument == "all" else (argument,)


def model_section(cls: type[S], model: str, dataset: str, changes: Mapping[str, Any] | None = None) -> S:
    """Return the recipe of a model for a data set, put together from the entries at its `recipe_keys`.

    Arguments:
        cls: `RecipeSpec`.
        model: Name of the model.
        dataset: Name of the data set.
        changes: Keys of the recipe to replace; see `merged`.

    Raises:
        ParameterError: there's no such model, or the recipe doesn't fit; the message is one line, and names
            the dial where it stands.
    """
    loaded = params()
    own, *shared = recipe_keys(loaded, model, dataset)
    recipe: Any = {name: loaded[name] for name in COMMON if name in loaded}
    for key in [*reversed(shared), own]:
        recipe = merged(recipe, lookup(loaded, key))
    where = f"{PARAMS_FILE}: {own}"
    try:
        return parse_spec(cls, merged(recipe, changes or {}), where)
    except ParameterError as error:
        dial, colon, message = str(error).removeprefix(f"{where}.").partition(": ")
        place = dial_key(loaded, model, dataset, dial)
        if place is None:
            raise
        raise ParameterError(f"{PARAMS_FILE}: {place}{colon}{message}") from None


def recipe_keys(loaded: Mapping[str, Any], model: str, dataset: str) -> list[str]:
    """Return the dotted keys of the entries that make a model's recipe, of which the first has the last word.

    They are the model's own entry, `models.<model>` where one serves all data sets, otherwise
    `models.<model>.<dataset>`, and what all models of a data set share, `recipes.<dataset>`, if it's there.
    The sections `COMMON` come after them.

    Arguments:
        loaded: Sections of `params.yaml`.
        model: Name of the model.
        dataset: Name of the data set.

    Raises:
        ParameterError: there's no such model.
    """
    own = f"models.{model}"
    entry = lookup(loaded, own)
    if not (isinstance(entry, Mapping) and "missing_process" in entry):
        own = f"{own}.{dataset}"
        lookup(loaded, own)
    recipes = loaded.get("recipes")
    shared = isinstance(recipes, Mapping) and dataset in recipes
    return [own, f"recipes.{dataset}"] if shared else [own]


def dial_key(loaded: Mapping[str, Any], model: str, dataset: str, dial: str) -> str | None:
    """Return the dotted key at which a dial of a model's recipe stands, None if it's nowhere.

    Arguments:
        loaded: Sections of `params.yaml`.
        model: Name of the model.
        dataset: Name of the data set.
        dial: Dotted key of the dial in the recipe, such as `training.steps`.
    """
    for key in (*(f"{entry}.{dial}" for entry in recipe_keys(loaded, model, dataset)), dial):
        with suppress(ParameterError):
            lookup(loaded, key)
            return key
    return None


def merged(entry: Any, changes: Any) -> Any:
    """Return `entry` with `changes`: mappings are merged key by key, anything else is replaced.

    A mapping with a `kind` describes another object, and replaces the one that was there.
    """
    if not (isinstance(entry, Mapping) and isinstance(changes, Mapping)):
        return changes
    if changes.get("kind", entry.get("kind")) != entry.get("kind"):
        return changes
    both = {name: merged(entry[name], changes[name]) for name in entry.keys() & changes.keys()}
    return {**entry, **changes, **both}


def entry(registry: Registry[S], key: str, dataset: str = "") -> S:
    """Return the entry of a registered kind at a dotted key, with what its `overrides` say of a data set."""
    return parse_entry(registry, _overridden(key, dataset), f"{PARAMS_FILE}: {key}")


def section_of(cls: type[S], key: str, dataset: str) -> S:
    """Return the entry at a dotted key as a `cls`, with what its `overrides` say of a data set."""
    return parse_spec(cls, _overridden(key, dataset), f"{PARAMS_FILE}: {key}")


def _overridden(key: str, dataset: str) -> dict[str, Any]:
    value = lookup(params(), key)
    if not isinstance(value, Mapping):
        raise ParameterError(f"{PARAMS_FILE}: {key}: expected a mapping, found {value!r}")
    common = {name: field for name, field in value.items() if name != "overrides"}
    own: dict[str, Any] = (value.get("overrides") or {}).get(dataset, {})
    return common | own


def seed() -> int:
    """Return the one seed that all others are spawned from."""
    return _whole_number("seed", 0)


def replicates(dataset: str) -> int:
    """Return how many replicates a data set has."""
    return _whole_number(f"datasets.{dataset}.replicates", 1)


def _whole_number(key: str, least: int) -> int:
    value = lookup(params(), key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        expected = f"expected a whole number of {least} or more"
        raise ParameterError(f"{PARAMS_FILE}: {key}: {expected}, found {value!r}")
    return value


def compute() -> ComputeSpec:
    """Return the section `compute`; the variable `SCHEDULER` sends jobs to a cluster, whatever it says."""
    address = os.environ.get(SCHEDULER)
    return section(ComputeSpec, "compute", {"backend": "dask", "address": address} if address else None)


def cell_folder(stage: Path, dataset: str, method: str) -> Path:
    """Name the folder of what a stage made of a cell, or with `all` of a method's cells."""
    return stage / method if dataset == "all" else stage / method / dataset


def replicate_folder(folder: Path, replicate: int) -> Path:
    """Name the folder of a replicate's models, in a cell's folder: in it a folder for each member."""
    return folder / f"{replicate:03d}"


def cell(dataset: str, method: str) -> str:
    """Name a cell of the grid as DVC's stages are named."""
    return f"{dataset}-{method}"
