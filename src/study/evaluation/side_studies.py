"""Side studies beside the grid: what each part of the method contributes, and what the missing rate does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, FiniteFloat, PositiveInt
from typing_extensions import override

from notmiwae.errors import ParameterError
from notmiwae.mechanisms.self_masking_mechanism import Threshold
from notmiwae.mechanisms.thresholds import MeanCut
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.specs import Spec, suggest
from notmiwae.training.recipe import RecipeSpec
from study.baselines.baseline import Baseline, baselines
from study.data.datasets import DatasetSpec
from study.evaluation.from_scratch import Model
from study.run.pipeline import entry, merged, model_section, section

Names = Annotated[tuple[str, ...], Field(min_length=1)]


class Change(Spec):
    """What a side study changes in a model.

    Attributes:
        network: Keys of the model's networks to replace.
        model: Keys of its recipe to replace.
    """

    network: dict[str, Any] = Field(default_factory=dict)
    model: dict[str, Any] = Field(default_factory=dict)

    def then(self, other: Change) -> Change:
        """Put another change on top of this one."""
        return Change(network=merged(self.network, other.network), model=merged(self.model, other.model))


@dataclass(frozen=True)
class SideCell:
    """One method on one table in one setting.

    Attributes:
        dataset: Name of the table.
        setting: Name of the setting: the threshold's offset; `-` where there is one setting.
        label: Name of the method or variant.
        table: The table and its mechanism.
        method: The model or baseline that imputes the table.
    """

    dataset: str
    setting: str
    label: str
    table: DatasetSpec
    method: Model | Baseline

    @property
    def together(self) -> int:
        """Count the replicates that are best done as one job; see `TrainingSpec.together`."""
        return self.method.recipe.replicates_together if isinstance(self.method, Model) else 1


class SideStudy(Spec):
    """What the side studies have in common.

    Attributes:
        datasets: Names of the tables.
        replicates: Number of seeds of each table.
        change: Change of all its models; what the side study varies comes on top.
    """

    datasets: Names
    replicates: PositiveInt
    change: Change = Change()

    def cells(self) -> Iterator[SideCell]:
        """List what is to be run, `replicates` times each."""
        raise NotImplementedError


class Ablation(SideStudy):
    """The section `ablation`: one model with one thing changed at a time.

    Attributes:
        model: Name of the model that is changed.
        variants: The changes, by name.
    """

    model: str
    variants: Annotated[dict[str, Change], Field(min_length=1)]

    @override
    def cells(self) -> Iterator[SideCell]:
        for name in self.datasets:
            table = section(DatasetSpec, f"datasets.{name}")
            for variant, change in self.variants.items():
                yield SideCell(name, "-", variant, table, model(self.model, name, self.change.then(change)))


class MissingRate(SideStudy):
    """The section `missing_rate`: the threshold moved from the mean upwards (Ipsen et al. 2021, appendix E).

    Attributes:
        offsets: Cut-offs, in standard deviations above each column's mean.
        models: Names of the models to compare.
        baselines: Names of the baselines to compare.
    """

    offsets: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]
    models: tuple[str, ...]
    baselines: tuple[str, ...]

    @override
    def cells(self) -> Iterator[SideCell]:
        for name in self.datasets:
            methods: dict[str, Model | Baseline] = {
                label: model(label, name, self.change) for label in self.models
            }
            methods |= {label: entry(baselines, f"baselines.{label}", name) for label in self.baselines}
            for offset in self.offsets:
                table = with_offset(section(DatasetSpec, f"datasets.{name}"), offset)
                for label, method in methods.items():
                    yield SideCell(name, f"{offset:g}", label, table, method)


class Recipes(SideStudy):
    """The sections `published_recipe` and `robustness`: whole recipes side by side, as many times as asked.

    Attributes:
        models: Names of the models to compare.
    """

    models: Names

    @override
    def cells(self) -> Iterator[SideCell]:
        for name in self.datasets:
            table = section(DatasetSpec, f"datasets.{name}")
            for label in self.models:
                yield SideCell(name, "-", label, table, model(label, name, self.change))


SIDE_STUDIES: dict[str, type[SideStudy]] = {
    "ablation": Ablation,
    "missing_rate": MissingRate,
    "published_recipe": Recipes,
    "robustness": Recipes,
}


def side_study(name: str) -> SideStudy:
    """Return the side study that is named, as its section of `params.yaml` describes it.

    Raises:
        ParameterError: there is none of that name.
    """
    if name not in SIDE_STUDIES:
        raise ParameterError(f"unknown side study {name!r}{suggest(name, SIDE_STUDIES)}")
    return section(SIDE_STUDIES[name], name)


def model(name: str, dataset: str, change: Change) -> Model:
    """Return a model of `params.yaml` with a change made to it."""
    recipe = model_section(RecipeSpec, name, dataset, change.model)
    network = section(ModelSpec, f"networks.{recipe.network or dataset}", change.network)
    return Model(network=network, recipe=recipe)


def with_offset(dataset: DatasetSpec, offset: float) -> DatasetSpec:
    """Return the data set with its threshold at mean + `offset` standard deviations.

    Raises:
        ParameterError: its mechanism isn't a threshold at the mean.
    """
    mechanism = dataset.mechanism
    if not (isinstance(mechanism, Threshold) and isinstance(mechanism.cut, MeanCut)):
        raise ParameterError(
            f"missing_rate: moves a threshold at the mean, found mechanism {mechanism.kind!r}"
        )
    moved = mechanism.model_copy(update={"cut": MeanCut(offset_sd=offset)})
    return dataset.model_copy(update={"mechanism": moved})
