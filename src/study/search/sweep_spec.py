"""The section `sweep` of params.yaml: a search of one model's dials on one table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import optuna
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from notmiwae.errors import ParameterError
from notmiwae.randomness import torch_seed
from notmiwae.specs import Spec
from study.data.datasets import DatasetSpec
from study.evaluation.from_scratch import Model
from study.evaluation.side_studies import Change, model
from study.run.params_file import lookup
from study.run.pipeline import dial_key, params, section, seed
from study.run.resume import fingerprint, modules
from study.search.search_space import Setting, Space, changes

SECTION = "sweep"
_OWN = ("search_space", "search_trial", "sweep_spec", "trial_batches")
COMPUTES = [*modules("study/evaluation"), *(Path(__file__).with_name(f"{name}.py") for name in _OWN)]
"""Modules that make a trial what it is, beside those of every job; a search's figures and storage don't."""


class Pruning(Spec):
    """The rule that stops a trial early: its bound is low beside those of earlier trials at the same step.

    Attributes:
        startup: Number of completed trials to compare with before any is stopped.
        percentile: Percentile of their bounds at a step below which a trial is stopped there.
        warm_up: Number of first steps in which none is stopped.
    """

    startup: PositiveInt
    percentile: Annotated[float, Field(gt=0, lt=100)]
    warm_up: NonNegativeInt

    def bars(self, curves: Sequence[Mapping[int, float]]) -> dict[int, float]:
        """Return the bound below which a trial is stopped, by step.

        Arguments:
            curves: Bounds by step, a mapping for each trial that completed before.
        """
        if len(curves) < self.startup:
            return {}
        steps = sorted(set.intersection(*(set(curve) for curve in curves)))
        return {
            step: float(np.percentile([curve[step] for curve in curves], self.percentile))
            for step in steps
            if step > self.warm_up
        }


class Sweep(Spec):
    """The section `sweep`.

    Attributes:
        dataset: Name of the table.
        model: Name of the model whose recipe is the starting point, and the first trial.
        change: Change that is made to it in all trials.
        replicates: Number of seeds of each trial; its bound is their mean.
        trials: Number of settings that are tried.
        at_once: Number of settings that are chosen together, knowing those before; as many can run side by
            side. Results depend on it, not on how many do.
        startup: Number of trials with random settings before the sampler learns from them.
        pruning: Rule by which a trial is stopped early; null: none is.
        storage: URL of a database that several machines share (`trial_storage.open_storage`); null: trials
            are kept in a file on this machine.
        patience: Seconds in which another machine must have finished a trial before this one runs it too.
        space: Dials that are turned.
    """

    dataset: str
    model: str
    change: Change = Change()
    replicates: PositiveInt
    trials: PositiveInt
    at_once: PositiveInt
    startup: PositiveInt
    pruning: Pruning | None
    storage: str | None
    patience: NonNegativeFloat
    space: Space

    def model_of(self, setting: Setting) -> Model:
        """Return the model with its dials turned.

        Raises:
            ParameterError: there's no such dial, or its bound would be of another quantity.
        """
        turned = Change(
            network=changes(self.space, setting, "network"), model=changes(self.space, setting, "model")
        )
        built = model(self.model, self.dataset, self.change.then(turned))
        if built.recipe.missing_process.kind == "ignorable":
            raise ParameterError(
                f"params.yaml: {SECTION}: the bound of missing process 'ignorable' lacks p(s|x) and can't be "
                "compared with others; accepted: 'mcar', which imputes as MIWAE does"
            )
        return built

    def default(self) -> Setting:
        """Return the setting that stands in params.yaml.

        Raises:
            ParameterError: it isn't in the space, so it couldn't be the first trial.
        """
        own = self._own()
        entries = {"model": own.recipe.to_mapping(), "network": own.network.to_mapping()}
        setting: Setting = {}
        for name, dial in self.space.items():
            where = f"params.yaml: {SECTION}.space.{name}"
            written = [lookup(entries, place) for place in dial.at]
            if any(value != written[0] for value in written):
                raise ParameterError(f"{where}: {' and '.join(dial.at)} differ: {written}")
            try:
                setting[name] = dial.read(written[0])
            except (TypeError, ValueError) as error:
                raise ParameterError(f"{where}: the recipe's own is to be the first trial: {error}") from None
        if self.model_of(setting) != own:
            raise ParameterError(f"params.yaml: {SECTION}.space: can't express the recipe's own setting")
        return setting

    def check(self) -> None:
        """Raise `ParameterError` if an option of a choice builds no model."""
        default = self.default()
        for name, dial in self.space.items():
            for option in getattr(dial, "options", {}):
                self.model_of(default | {name: option})

    def written(self, setting: Setting) -> dict[str, Any]:
        """Return what a setting writes into params.yaml, by dotted key: where each dial stands now.

        Raises:
            ParameterError: a dial isn't written down there.
        """
        loaded = params()
        network = f"networks.{self._own().recipe.network or self.dataset}"
        values: dict[str, Any] = {}
        for name, dial in self.space.items():
            for part, _, rest in (place.partition(".") for place in dial.at):
                in_recipe = part == "model"
                key = dial_key(loaded, self.model, self.dataset, rest) if in_recipe else f"{network}.{rest}"
                if key is None:
                    raise ParameterError(
                        f"params.yaml: {SECTION}.space.{name}: no key {rest!r} in models.{self.model}"
                    )
                lookup(loaded, key)
                values[key] = dial.written(setting[name])
        return values

    @property
    def seed(self) -> int:
        """Seed of everything random in all trials: tables, masks, held-out rows and noise."""
        return torch_seed(seed(), SECTION, self.dataset)

    @property
    def table(self) -> DatasetSpec:
        """The table and its mechanism."""
        return section(DatasetSpec, f"datasets.{self.dataset}")

    def name(self) -> str:
        """Return the search's name in a storage: one made from anything else has another.

        How many trials are asked for isn't part of it, so that more of them go on from those there are.
        """
        counted = self.model_copy(update={"trials": 1, "storage": None, "patience": 0.0})
        table, sampler = self.table, f"optuna {optuna.__version__}"
        made_from = fingerprint(
            *COMPUTES, table.source, table.mechanism, self._own(), counted, self.seed, sampler
        )
        return f"{self.dataset}-{made_from[:16]}"

    def _own(self) -> Model:
        """Return the model as params.yaml has it."""
        return model(self.model, self.dataset, self.change)


def read_sweep() -> Sweep:
    """Read the section `sweep` and check its options."""
    sweep = section(Sweep, SECTION)
    sweep.check()
    return sweep
