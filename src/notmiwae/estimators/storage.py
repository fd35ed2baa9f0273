"""A fitted imputer as a folder: JSON for what it is, a folder of safetensors and JSON for each member."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from notmiwae.errors import DataError
from notmiwae.estimators.columns import KINDS, Column
from notmiwae.files import whole_folder, write_json
from notmiwae.inference.fitted import FittedModel
from notmiwae.model.missing import ProcessSpec, processes
from notmiwae.params import parse_entry

if TYPE_CHECKING:
    from notmiwae.estimators.imputers import MIWAEImputer

_FILE = "imputer.json"


def save(imputer: MIWAEImputer, folder: Path) -> None:
    """Write a fitted imputer; a folder that is there already is replaced if it holds an imputer.

    Raises:
        DataError: there is something else at that place.
    """
    if folder.exists() and not (folder / _FILE).is_file() and any(folder.iterdir()):
        raise DataError(f"{folder}: is there already and holds no imputer; nothing was written")
    seed = imputer.random_state
    parameters = imputer.get_params(deep=False) | {"random_state": seed if isinstance(seed, int) else None}
    names = getattr(imputer, "feature_names_in_", None)
    with whole_folder(folder) as temporary:
        for number, member in enumerate(imputer.members_):
            place = temporary / f"{number:02d}"
            place.mkdir()
            member.save(place)
        description = {
            "imputer": type(imputer).__name__,
            "parameters": {name: _plain(value) for name, value in parameters.items()},
            "columns": [asdict(column) for column in imputer.columns_],
            "feature_names": None if names is None else [str(name) for name in names],
            "bound": imputer.bound_,
            "seed": imputer._seed,
        }
        write_json(temporary / _FILE, description)


def load(folder: Path, classes: Sequence[type[MIWAEImputer]]) -> MIWAEImputer:
    """The inverse of `save`.

    Raises:
        DataError: the folder isn't what `save` writes.
    """
    try:
        description = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        cls = {each.__name__: each for each in classes}[description["imputer"]]
        imputer = cls(**{name: _read(value) for name, value in description["parameters"].items()})
        imputer.columns_ = tuple(_column(each) for each in description["columns"])
        imputer.members_ = FittedModel.load_members(folder)
        imputer.bound_, imputer._seed = float(description["bound"]), int(description["seed"])
        imputer.n_features_in_ = len(imputer.columns_)
        if description["feature_names"] is not None:
            imputer.feature_names_in_ = np.array(description["feature_names"], dtype=object)
        found = tuple(column.name for column in imputer.columns_)
        if any(member.columns != found for member in imputer.members_):
            raise ValueError("its members are of other columns")
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{folder}: not a saved imputer: {said}") from None
    return imputer


def _plain(value: Any) -> Any:
    """A parameter as JSON has it."""
    if isinstance(value, ProcessSpec):
        return value.to_mapping()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def _read(value: Any) -> Any:
    """The inverse of `_plain`; sequences become tuples."""
    if isinstance(value, Mapping):
        if "kind" in value:
            return parse_entry(processes, value, "missing_process")
        return {name: _read(each) for name, each in value.items()}
    return tuple(_read(each) for each in value) if isinstance(value, list) else value


def _column(found: dict[str, Any]) -> Column:
    column = Column(**found | {"values": tuple(found["values"])})
    if column.kind not in KINDS or not isinstance(column.name, str):
        raise ValueError(f"column {column.name!r} of kind {column.kind!r}")
    return column
