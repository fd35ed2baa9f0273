"""The section `sweep` of params.yaml: a search of one model's dials on one table, and where each stands."""

from __future__ import annotations

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
from study.run.pipeline import params, recipe_keys, section, seed
from study.run.resume import fingerprint, modules
from study.search.search_space import Setting, Space, changes

SECTION = "sweep"
_COMPUTES = ("search_space", "search_trial", "sweep_spec", "trials_run")
"""Modules beside this one that make a trial what it is; figures don't."""


class Pruning(Spec):
    """When a trial is stopped early: its bound is low beside those of earlier trials at the same step.

    Attributes:
        startup: Completed trials to compare with before any is stopped.
        percentile: Of their bounds at the step; a trial below it is stopped.
        warm_up: Steps in which none is stopped.
    """

    startup: PositiveInt
    percentile: Annotated[float, Field(gt=0, lt=100)]
    warm_up: NonNegativeInt

    def bars(self, curves: Sequence[Mapping[int, float]]) -> dict[int, float]:
        """The bound at each step below which a trial is stopped.

        Arguments:
            curves: The bound at each step of the trials that completed before.
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
        dataset: The table.
        model: Whose recipe is the starting point, and the first trial.
        change: What is changed in it for all trials.
        replicates: Seeds of each trial; its bound is their mean.
        trials: How many settings are tried.
        at_once: How many are chosen together, knowing those before; as many can run side by side. Results
            hang on it, not on how many do.
        startup: Trials with random settings before the sampler learns from them.
        pruning: When a trial is stopped early; null: never.
        storage: Where trials are kept: null for a file on this machine, or the URL of a database that
            several machines share (see `storage.py`).
        patience: Seconds in which another machine must have finished a trial before this one runs it too.
        space: What is tried.
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
        """The model with its dials turned.

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
        """The setting that stands in params.yaml.

        Raises:
            ParameterError: it isn't in the space, so it couldn't be the first trial.
        """
        own = model(self.model, self.dataset, self.change)
        held = {"model": own.recipe.to_mapping(), "network": own.network.to_mapping()}
        setting: Setting = {}
        for name, dial in self.space.items():
            where = f"params.yaml: {SECTION}.space.{name}"
            written = [lookup(held, place) for place in dial.at]
            if any(each != written[0] for each in written):
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
        """What a setting writes into params.yaml, by dotted key: where each dial stands now.

        Raises:
            ParameterError: a dial isn't written down there.
        """
        loaded = params()
        recipe = model(self.model, self.dataset, Change()).recipe
        roots = {
            "model": [*(f"{key}." for key in recipe_keys(loaded, self.model, self.dataset)), ""],
            "network": [f"networks.{recipe.network or self.dataset}."],
        }
        found = {}
        for name, dial in self.space.items():
            for place in dial.at:
                part, _, rest = place.partition(".")
                # What a model doesn't say itself stands in a section that it shares with others.
                there = [root + rest for root in roots[part] if _stands(loaded, root + rest)]
                if not there:
                    raise ParameterError(
                        f"params.yaml: {SECTION}.space.{name}: no key {rest!r} in {roots[part][0][:-1]}"
                    )
                found[there[0]] = dial.written(setting[name])
        return found

    @property
    def seed(self) -> int:
        """Of everything random in the trials: tables, masks, held-out rows and noise are the same in all."""
        return torch_seed(seed(), SECTION, self.dataset)

    @property
    def table(self) -> DatasetSpec:
        """The table and its mechanism."""
        return section(DatasetSpec, f"datasets.{self.dataset}")

    def name(self) -> str:
        """The study's name: it tells searches apart that are made from anything else.

        How many trials are asked for isn't part of it, so that more of them go on from those there are.
        """
        counted = self.model_copy(update={"trials": 1, "storage": None, "patience": 0.0})
        here = Path(__file__).parent
        code = [*modules("study/evaluation"), *(here / f"{name}.py" for name in _COMPUTES)]
        own = model(self.model, self.dataset, self.change)
        table = self.table
        made_from = fingerprint(
            *code, table.source, table.mechanism, own, counted, self.seed, f"optuna {optuna.__version__}"
        )
        return f"{self.dataset}-{made_from[:16]}"


def read_sweep() -> Sweep:
    """The section `sweep`, its options checked."""
    found = section(Sweep, SECTION)
    found.check()
    return found


def _stands(loaded: Mapping[str, Any], key: str) -> bool:
    try:
        lookup(loaded, key)
    except ParameterError:
        return False
    return True
