"""A model fitted to a table: the networks, and the table's columns and scales. Saved without pickling."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from notmiwae.arrays import Floats
from notmiwae.errors import LONGEST, DataError, flat
from notmiwae.files import check_file, read_json, write_json
from notmiwae.model.missing_process.by_column import build_process
from notmiwae.model.missing_process.ignorable import IgnorableProcess, IgnorableSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec, processes
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.specs import parse_entry, parse_spec
from notmiwae.training.scaling import Scaling

_DESCRIPTION, _WEIGHTS = "model.json", "weights.safetensors"


@dataclass(frozen=True)
class FittedModel:
    """A trained model and what it needs to meet a table.

    Attributes:
        model: Networks and missing process.
        process: Settings that built the missing process.
        columns: Names of the D features.
        scaling: Means and scales by which the features are standardised.
    """

    model: NotMIWAE
    process: ProcessSpec
    columns: tuple[str, ...]
    scaling: Scaling

    def missing_probability(self, values: Floats) -> Floats:
        """Compute the learnt `p(s_j = 0 | x)` for complete rows `[N, D]` in the table's own units."""
        x, _ = self.scaling.tensors(values)
        with torch.no_grad():
            return self.model.missing_probability(x).double().numpy()

    def on(self, device: str) -> FittedModel:
        """Copy the model to a device."""
        return replace(self, model=copy.deepcopy(self.model).to(device))

    def at_random(self) -> FittedModel:
        """Copy the model without its missing process, which mustn't have latents of its own."""
        model = copy.deepcopy(self.model)
        model.missing_process = IgnorableProcess(model.missing_process.columns)
        return replace(self, model=model, process=IgnorableSpec())

    def knowing(self, columns: Sequence[int]) -> FittedModel:
        """Return the model for rows that come with the ends of known cells in these columns."""
        if tuple(columns) == self.model.spec.censored:
            return self
        model = copy.deepcopy(self.model)
        model.spec = model.spec.model_copy(update={"censored": tuple(columns)})
        model.censored = torch.tensor(columns, device=model.censored.device)
        return replace(self, model=model)

    @property
    def codes(self) -> list[int]:
        """Count each feature's codes that are names; 0 of one of quantities."""
        return self.model.spec.observation.codes(len(self.columns))

    @property
    def ignorable(self) -> bool:
        """Tell whether the model has no missing process."""
        return isinstance(self.process, IgnorableSpec)

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `model.json` into an existing folder."""
        save_file(self.model.state_dict(), folder / _WEIGHTS)
        description = {
            "network": self.model.spec.to_mapping(),
            "missing_process": self.process.to_mapping(),
            "columns": list(self.columns),
            "process_columns": self.model.missing_process.columns.tolist(),
            "mean": self.scaling.mean.tolist(),
            "scale": self.scaling.scale.tolist(),
        }
        write_json(folder / _DESCRIPTION, description)

    @classmethod
    def load_members(cls, folder: Path) -> list[FittedModel]:
        """Load the models in a folder's subfolders, in the order of the subfolders' names.

        Raises:
            DataError: there are no models, or one isn't what `save` writes.
        """
        members = [cls.load(subfolder) for subfolder in sorted(folder.glob("*/"))]
        if not members:
            raise DataError(f"{folder}: no models there; run the stage that trains them")
        return members

    @classmethod
    def load(cls, folder: Path) -> FittedModel:
        """Load the model that `save` wrote into a folder.

        Raises:
            DataError: a file is absent, or isn't what `save` writes.
        """
        reading = _WEIGHTS
        try:
            weights = folder / _WEIGHTS
            shapes = _shapes(weights)
            reading = _DESCRIPTION
            description = read_json(folder / _DESCRIPTION)
            spec = parse_spec(ModelSpec, description["network"], "network")
            process = parse_entry(processes, description["missing_process"], "missing_process")
            columns = tuple(str(name) for name in description["columns"])
            process_columns = _process_columns(description["process_columns"], len(columns))
            scaling = Scaling.read(description["mean"], description["scale"], len(columns))
            _check_outputs(spec.observation.outputs(len(columns)), shapes)
            # The process takes its size from a table of this shape, and its values from the weights.
            x = torch.zeros(1, len(columns))

            def build() -> NotMIWAE:
                module = build_process(
                    process, spec.observation, process_columns, x, torch.ones_like(x), columns
                )
                return NotMIWAE(spec, len(columns), module)

            # Without memory at first: a description may ask for more than there is.
            with torch.device("meta"):
                expected = build().state_dict()
            reading = _WEIGHTS
            _check_shapes(expected, shapes)
            model = build()
            model.load_state_dict(_finite(load_file(weights)))
            if model.shapes is not None:
                model.shapes.check()
        except (
            OSError, KeyError, IndexError, TypeError, RuntimeError, ValueError, AttributeError, OverflowError,
            RecursionError, SafetensorError,
        ) as error:  # fmt: skip
            said = flat(error, LONGEST)
            raise DataError(f"{flat(folder)}: not a saved model: {reading}: {said}") from None
        return cls(model.eval(), process, columns, scaling)


def missing_probability(members: Sequence[FittedModel], values: Floats) -> Floats:
    """Average the learnt `p(s_j = 0 | x)` over members, for complete rows `[N, D]` in the table's units."""
    mean: Floats = np.mean([member.missing_probability(values) for member in members], axis=0)
    return mean


def _process_columns(saved: object, size: int) -> Tensor:
    """Read indices of columns from a file; raises `ValueError` unless they can be those of a process."""
    columns = torch.tensor(saved, dtype=torch.long)
    if columns.dim() != 1 or not (columns.diff() > 0).all() or not ((columns >= 0) & (columns < size)).all():
        raise ValueError(f"process_columns: accepted: ascending numbers from 0 to {size - 1}")
    return columns


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the shapes of a file's tensors; raises `ValueError` if one isn't of single precision."""
    check_file(path)
    shapes = {}
    with safe_open(path, framework="pt") as file:
        for name in list(file.keys()):
            tensor = file.get_slice(name)
            if tensor.get_dtype() != "F32":
                raise ValueError(f"{name} is of type {tensor.get_dtype()}; accepted: F32")
            shapes[name] = tuple(tensor.get_shape())
    return shapes


def _check_outputs(outputs: int, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `ValueError` if a decoder with so many outputs has no place in a file of tensors of these shapes.

    A description of a few bytes may ask for any number of codes, each of which takes memory before there is
    a shape to check.
    """
    values = sum(math.prod(shape) for shape in shapes.values())
    if outputs > values:
        raise ValueError(f"the network has {outputs:,} outputs and {_WEIGHTS} {values:,} values")


def _check_shapes(expected: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `ValueError` unless a file's tensors are those of a model, by their names and shapes."""
    for name in sorted(expected.keys() | shapes.keys()):
        accepted = tuple(expected[name].shape) if name in expected else None
        if shapes.get(name) != accepted:
            raise ValueError(f"{name} has the shape {shapes.get(name)}; accepted: {accepted}")


def _finite(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    for name, values in weights.items():
        if not values.isfinite().all():
            raise ValueError(f"{name} holds a value that isn't finite")
    return weights
