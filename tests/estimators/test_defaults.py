"""What the estimators do where the user says nothing is what the paper's tables were imputed by."""

from pathlib import Path

import pandas as pd
import pytest

from notmiwae.estimators.assumptions import ASSUMPTIONS
from notmiwae.estimators.column_kinds import describe
from notmiwae.estimators.defaults import ENOUGH, network, training
from notmiwae.estimators.missing import Missing
from notmiwae.estimators.miwae_imputer import MIWAEImputer
from notmiwae.model.missing_process.self_masking import SelfMaskingSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.training.recipe import RecipeSpec
from study.run.pipeline import model_section, section

ROOT = Path(__file__).parents[2]
DATASET, MODEL = "red", "notmiwae_known"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> RecipeSpec:
    monkeypatch.chdir(ROOT / "paper")
    return model_section(RecipeSpec, MODEL, DATASET)


def test_networks_are_those_of_the_paper(recipe: RecipeSpec) -> None:
    said = section(ModelSpec, f"networks.{recipe.network}")
    columns = describe(pd.DataFrame({name: [0.5, 1.5] for name in "abcdefg"}))
    default = network(columns, None, MIWAEImputer().hidden)
    assert default.latent_size == len(columns) - 1  # what null stands for
    # A user's table isn't standardised yet.
    same = default.model_copy(update={"latent_size": said.latent_size, "standardise": said.standardise})
    assert same == said


def test_training_is_that_of_the_paper(recipe: RecipeSpec) -> None:
    default = training(1599, None)
    # With one start there is no race.
    own = {"together": recipe.training.together, "race": recipe.training.race}
    assert default.model_copy(update=own) == recipe.training


def test_members_samples_and_process_are_those_of_the_paper(recipe: RecipeSpec) -> None:
    imputer = MIWAEImputer()
    assert (imputer.members, imputer.n_samples) == (recipe.members, recipe.imputation.samples)
    assert recipe.imputation.enough == ENOUGH
    # Beside it the word leaves open what else decides.
    alone = Missing("high", given="nothing").process().model_copy(update={"together": None})
    assert isinstance(recipe.missing_process, SelfMaskingSpec)
    for setting in ("direction", "initial_slope"):
        assert getattr(alone, setting) == getattr(recipe.missing_process, setting)
    assert ASSUMPTIONS["high"] == Missing("high").process()


def test_columns_of_which_limits_are_said_learn_their_shape() -> None:
    table = pd.DataFrame({"a": [0.5, 1.5], "b": [0.5, 1.5], "n": [0, 3], "m": ["x", "y"]})
    columns = describe(table, limits={"b": (0, None), "n": (0, 9)})

    def shaped(shapes: bool | None) -> list[bool]:
        return network(columns, None, (8,), shapes).shaped(4)

    assert shaped(None) == [False, True, False, False]
    assert shaped(True) == [True, True, True, False]
    assert shaped(False) == [False] * 4
    spec = network(columns, None, (8,))
    assert spec.limits[1] == (0.0, None)
    assert ModelSpec.model_validate(spec.to_mapping()) == spec
    assert network(describe(table), None, (8,)).shapes is False


@pytest.mark.parametrize(("rows", "steps"), [(100, 700), (9_999, 1562), (10_000, 700), (100_000, 2000)])
def test_a_larger_table_is_seen_ten_times_up_to_2000_steps(rows: int, steps: int) -> None:
    assert training(rows, None).steps == steps
    assert training(rows, 5).steps == 5
