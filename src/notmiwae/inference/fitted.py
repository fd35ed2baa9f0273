"""A model fitted to a table: the networks, and the table's columns and scales. Saved without pickling."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from notmiwae.errors import DataError
from notmiwae.files import write_json
from notmiwae.model.by_column import build_process
from notmiwae.model.latent import LatentVariableModel, ModelSpec
from notmiwae.model.missing import Ignorable, ProcessSpec, processes
from notmiwae.params import parse_entry, parse_spec

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """Features standardised by what was observed of them: `(x − mean) / scale`, each `[D]`."""

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, table: Floats, standardise: Sequence[bool]) -> Scaling:
        """Means and standard deviations of the observed values; 0 and 1 of columns not to `standardise`."""
        mean, scale = np.zeros(table.shape[1]), np.ones(table.shape[1])
        chosen = np.flatnonzero(standardise)
        mean[chosen] = np.nanmean(table[:, chosen], axis=0)
        deviation = np.nanstd(table[:, chosen], axis=0)
        # A constant feature stays as it is; rounding leaves it a tiny deviation.
        constant = np.nanmax(table[:, chosen], axis=0) == np.nanmin(table[:, chosen], axis=0)
        scale[chosen] = np.where(constant, 1.0, deviation)
        return cls(mean, scale)

    def tensors(self, table: Floats) -> tuple[Tensor, Tensor]:
        """Standardised rows, zero where missing, and their mask: `x` and `s`, `[N, D]`, single precision."""
        observed = np.isfinite(table)
        x = np.where(observed, (table - self.mean) / self.scale, 0.0)
        return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(observed.astype(np.float32))

    def undo(self, x: Tensor) -> Floats:
        """Values in the table's own units."""
        return x.double().cpu().numpy() * self.scale + self.mean


@dataclass(frozen=True)
class FittedModel:
    """A trained model and what it needs to meet a table.

    Attributes:
        model: The networks and the missing process.
        process: The spec that built the missing process.
        columns: Names of the D features.
        scaling: How they are standardised.
    """

    model: LatentVariableModel
    process: ProcessSpec
    columns: tuple[str, ...]
    scaling: Scaling

    def missing_probability(self, values: Floats) -> Floats:
        """The learnt `p(s_j = 0 | x)` for complete rows `[N, D]` in the table's own units."""
        x, _ = self.scaling.tensors(values)
        with torch.no_grad():
            return self.model.missing_process.missing_probability(x).double().numpy()

    def on(self, device: str) -> FittedModel:
        """A copy on another device."""
        return replace(self, model=copy.deepcopy(self.model).to(device))

    @property
    def ignorable(self) -> bool:
        """Whether the model has no missing process."""
        return isinstance(self.process, Ignorable)

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `model.json` into an existing folder."""
        save_file(self.model.state_dict(), folder / "weights.safetensors")
        description = {
            "network": self.model.spec.to_mapping(),
            "missing_process": self.process.to_mapping(),
            "columns": list(self.columns),
            "process_columns": self.model.missing_process.columns.tolist(),
            "mean": self.scaling.mean.tolist(),
            "scale": self.scaling.scale.tolist(),
        }
        write_json(folder / "model.json", description)

    @classmethod
    def load_members(cls, folder: Path) -> list[FittedModel]:
        """The models in a folder's subfolders, in the order of their names.

        Raises:
            DataError: there are none, or one isn't what `save` writes.
        """
        members = [cls.load(each) for each in sorted(folder.glob("*/"))]
        if not members:
            raise DataError(f"{folder}: no models there; run the stage that trains them")
        return members

    @classmethod
    def load(cls, folder: Path) -> FittedModel:
        """The inverse of `save`.

        Raises:
            DataError: a file is absent, or isn't what `save` writes.
        """
        try:
            description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            spec = parse_spec(ModelSpec, description["network"], f"{folder}/model.json: network")
            process = parse_entry(processes, description["missing_process"], f"{folder}/model.json")
            columns = tuple(str(name) for name in description["columns"])
            process_columns = torch.tensor(description["process_columns"], dtype=torch.long)
            scaling = Scaling(np.array(description["mean"]), np.array(description["scale"]))
            # The process takes its size from a table of this shape, and its values from the weights.
            x = torch.zeros(1, len(columns))
            model = LatentVariableModel(
                spec,
                len(columns),
                build_process(process, spec.observation, process_columns, x, torch.ones_like(x), columns),
            )
            model.load_state_dict(load_file(folder / "weights.safetensors"))
        except (OSError, KeyError, IndexError, TypeError, RuntimeError, ValueError, SafetensorError) as error:
            raise DataError(f"{folder}: not a saved model: {' '.join(str(error).split())}") from None
        return cls(model.eval(), process, columns, scaling)


def missing_probability(members: Sequence[FittedModel], values: Floats) -> Floats:
    """The mean over members of `FittedModel.missing_probability`, `[N, D]`."""
    learnt: Floats = np.mean([member.missing_probability(values) for member in members], axis=0)
    return learnt
