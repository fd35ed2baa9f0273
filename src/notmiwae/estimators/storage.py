"""A fitted imputer as a folder: JSON for what it is, a folder of safetensors and JSON for each member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from notmiwae.errors import DataError, flat
from notmiwae.estimators.arguments import check_arguments
from notmiwae.estimators.choice import assumptions_table
from notmiwae.estimators.columns import KINDS, Column, observation
from notmiwae.estimators.features import Features
from notmiwae.estimators.mask_regression import MaskRegression
from notmiwae.estimators.missing import Missing
from notmiwae.files import read_json, whole_folder, write_json
from notmiwae.model.missing_process.missing_process import ProcessSpec, processes
from notmiwae.specs import parse_entry
from notmiwae.training.fitted_model import FittedModel

if TYPE_CHECKING:
    from notmiwae.estimators.miwae_imputer import MIWAEImputer

_FILE = "imputer.json"
_PROCESS, _MISSING = "missing process", "missing"
"""Stand before the settings of a `ProcessSpec` and a `Missing`, which a mapping by column would look like."""
_LONGEST = 500
"""Characters of another library's message, at most."""


def save(imputer: MIWAEImputer, folder: Path) -> None:
    """Write a fitted imputer; a folder that is there already is replaced if it holds an imputer.

    Raises:
        DataError: there is something else at that place.
    """
    folder = folder.resolve()
    if folder.exists() and not _replaceable(folder):
        raise DataError(f"{folder}: is there already and holds something else; nothing was written")
    for column in imputer.columns_:
        for value in column.values:
            if not isinstance(value, str | int | float | bool):
                accepted = "accepted: text, numbers, truth values"
                raise DataError(f"column {column.name!r}: category {value!r} can't be saved; {accepted}")
    seed = imputer.random_state
    seed = seed if isinstance(seed, Integral) else None
    parameters = imputer.get_params(deep=False) | {"random_state": seed}
    names = getattr(imputer, "feature_names_in_", None)
    masks = list(dict.fromkeys(imputer._masks))
    with whole_folder(folder) as temporary:
        for number, member in enumerate(imputer.members_):
            place = temporary / f"{number:04d}"
            place.mkdir()
            member.save(place)
        description = {
            "imputer": type(imputer).__name__,
            "parameters": {name: _plain(value) for name, value in parameters.items()},
            "members": len(imputer.members_),
            "columns": [asdict(column) for column in imputer.columns_],
            "features": asdict(imputer._features),
            "feature_names": None if names is None else [str(name) for name in names],
            "bound": imputer.bound_,
            "assumptions": imputer.assumptions_.to_dict("records"),
            "masks": [each.to_mapping() for each in masks],
            "mask_of_member": [masks.index(each) for each in imputer._masks],
            "seed": imputer._seed,
        }
        write_json(temporary / _FILE, description)


def load(folder: Path, classes: Sequence[type[MIWAEImputer]]) -> MIWAEImputer:
    """Read what `save` wrote.

    Raises:
        DataError: the folder isn't what `save` writes.
    """
    try:
        description = read_json(folder / _FILE)
        cls = {each.__name__: each for each in classes}[description["imputer"]]
        imputer = cls(**{name: _read(value) for name, value in description["parameters"].items()})
        check_arguments(imputer)
        if imputer.missing_values is None:
            imputer.missing_values = np.nan
        imputer.columns_ = tuple(_column(each) for each in description["columns"])
        imputer.members_ = FittedModel.load_members(folder)
        if len(imputer.members_) != description["members"]:
            raise ValueError(f"{len(imputer.members_)} members of {description['members']!r}")
        imputer.bound_, imputer._seed = float(description["bound"]), int(description["seed"])
        if imputer._seed < 0:
            raise ValueError(f"seed: found {imputer._seed}; accepted: a whole number from 0")
        # Folders of version 0.2 have none.
        imputer._features = _features(description.get("features"), len(imputer.columns_))
        imputer.indicator_, imputer.n_features_in_ = imputer._features.indicator, imputer._features.size
        imputer.assumptions_ = _assumptions(description["assumptions"])
        masks = [MaskRegression.read(each, len(imputer.columns_)) for each in description["masks"]]
        imputer._masks = [masks[int(place)] for place in description["mask_of_member"]]
        if len(imputer._masks) != len(imputer.members_):
            raise ValueError(f"mask_of_member: {len(imputer._masks)} of {len(imputer.members_)} members")
        if description["feature_names"] is not None:
            imputer.feature_names_in_ = np.array(description["feature_names"], dtype=object)
        _check_members(imputer)
    except DataError:
        # A member's, which names its own file.
        raise
    except (
        OSError, KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        said = flat(error, _LONGEST)
        raise DataError(f"{flat(folder)}: not a saved imputer: {_FILE}: {said}") from None
    return imputer


def _replaceable(folder: Path) -> bool:
    """Tell whether it's a folder with nothing but an imputer, or with nothing at all."""
    if not folder.is_dir():
        return False
    names = {each.name for each in folder.iterdir()}
    return not names or (_FILE in names and all(name.isdecimal() for name in names - {_FILE}))


def _check_members(imputer: MIWAEImputer) -> None:
    """Raise a `ValueError` if columns, their names and the members aren't of one table."""
    found = tuple(column.name for column in imputer.columns_)
    names = getattr(imputer, "feature_names_in_", None)
    modelled = imputer._features.modelled
    if names is not None and (
        len(names) != imputer.n_features_in_ or tuple(names[place] for place in modelled) != found
    ):
        raise ValueError("its columns have other names")
    size = len(found)
    levels = observation(imputer.columns_).levels(size)
    for member in imputer.members_:
        if member.columns != found or member.model.spec.observation.levels(size) != levels:
            raise ValueError("its members are of other columns")
        if member.scaling.mean.shape != (size,) or member.scaling.scale.shape != (size,):
            raise ValueError("its members are scaled for other columns")


def _features(found: Mapping[str, Any] | None, modelled: int) -> Features:
    if found is None:
        return Features(modelled)
    shown = found["indicated"]
    empty, indicated = tuple(found["empty"]), None if shown is None else tuple(shown)
    size = modelled + len(empty)
    for places in (empty, indicated or ()):
        whole = all(type(each) is int for each in places) and len(set(places)) == len(places)
        if found["size"] != size or not whole or not set(places) <= set(range(size)):
            raise ValueError(f"features: found {flat(found)} beside {modelled} columns")
    return Features(size, empty, bool(found["kept"]), indicated)


def _assumptions(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    found = assumptions_table([])
    if not isinstance(records, list) or any(set(record) != set(found.columns) for record in records):
        raise ValueError(f"assumptions: accepted: a list of {', '.join(found.columns)}")
    return pd.DataFrame(records, columns=found.columns).astype(found.dtypes) if records else found


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it; a limit at infinity is none, nor is NaN as a marker any news."""
    if value is pd.NA:
        return None
    if isinstance(value, ProcessSpec):
        return [_PROCESS, value.to_mapping()]
    if isinstance(value, Missing):
        return [_MISSING, {name: _plain(each) for name, each in asdict(value).items()}]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _read(value: Any) -> Any:
    """Return a parameter from JSON; sequences become tuples."""
    if isinstance(value, Mapping):
        return {name: _read(each) for name, each in value.items()}
    if isinstance(value, list) and len(value) == 2 and value[0] == _PROCESS:
        return parse_entry(processes, value[1], "missing_process")
    if isinstance(value, list) and len(value) == 2 and value[0] == _MISSING:
        return Missing(**{name: _read(each) for name, each in value[1].items()})
    return tuple(_read(each) for each in value) if isinstance(value, list) else value


def _column(found: dict[str, Any]) -> Column:
    column = Column(**found | {"values": tuple(found["values"])})
    names = column.kind in ("binary", "categorical")
    numbers = (None if each is None else float(each) for each in (column.lowest, column.highest))
    if column.kind not in KINDS or not isinstance(column.name, str) or bool(column.values) != names:
        raise ValueError(f"column {column.name!r} of kind {column.kind!r} with values {column.values!r}")
    if any(not isinstance(each, str | int | float) for each in column.values) or (
        len(set(column.values)) < len(column.values) or (column.kind == "binary" and len(column.values) > 2)
    ):
        raise ValueError(f"column {column.name!r} with values {column.values!r}")
    lowest, highest = numbers
    ordered, limit = bool(column.ordered), bool(column.limit)
    return replace(column, lowest=lowest, highest=highest, ordered=ordered, limit=limit)
