"""What the stages share: the sections of `params.yaml`, and where things lie."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from notmiwae.errors import ParameterError
from notmiwae.parallel import ComputeSpec
from notmiwae.params import PARAMS_FILE, Registry, Spec, lookup, parse_entry, parse_spec, read_params, suggest

COMPLETE = Path("data/complete")
MASKED = Path("data/masked")
MODELS = Path("models")
IMPUTED = Path("data/imputed")
EVALUATED = Path("data/evaluated")
REPORTS = Path("reports")

SECTIONS = (
    "seed",
    "compute",
    "run",
    "datasets",
    "networks",
    "training",
    "models",
    "baselines",
    "reproduction",
)

S = TypeVar("S", bound=Spec)


def arguments(*names: str) -> list[str]:
    """The stage's arguments from the command line, one for each name.

    Raises:
        ParameterError: there are more or fewer.
    """
    given = sys.argv[1:]
    if len(given) != len(names):
        raise ParameterError(f"expected {len(names)} argument(s) ({', '.join(names)}), found {len(given)}")
    return given


def params() -> dict[str, Any]:
    """`params.yaml`, its sections checked.

    Raises:
        ParameterError: a section is unknown.
    """
    loaded = read_params()
    for section in loaded:
        if section not in SECTIONS:
            raise ParameterError(f"{PARAMS_FILE}: unknown section {section!r}{suggest(section, SECTIONS)}")
    return loaded


def section(cls: type[S], key: str, common: str | None = None) -> S:
    """The entry at a dotted key, as a `cls`; raises `ParameterError` with one line if it doesn't fit.

    Arguments:
        cls: What the entry describes.
        key: Where it stands.
        common: A section with dials that all entries share: what it says of the entry's field of that name
            holds where the entry says nothing itself.
    """
    loaded = params()
    value = lookup(loaded, key)
    if common and isinstance(value, Mapping) and isinstance(value.get(common), Mapping):
        value = {**value, common: {**lookup(loaded, common), **value[common]}}
    return parse_spec(cls, value, f"{PARAMS_FILE}: {key}")


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
    """The section `compute`."""
    return section(ComputeSpec, "compute")


def replicate_path(models: Path, replicate: int, member: int | None = None) -> Path:
    """Where a replicate's models lie in a cell's folder, or one member of them."""
    folder = models / f"{replicate:03d}"
    return folder if member is None else folder / f"{member:02d}"


def cell(dataset: str, method: str) -> str:
    """The name of a cell of the experiment's grid, as in DVC's stage names."""
    return f"{dataset}-{method}"
