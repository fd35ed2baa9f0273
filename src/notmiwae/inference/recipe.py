"""What an entry of `models` in params.yaml holds: everything of a model but its networks."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, PositiveInt

from notmiwae.inference.imputation import ImputationSpec
from notmiwae.inference.training import TrainingSpec
from notmiwae.model.missing import ProcessSpec, processes
from notmiwae.params import Spec


class Recipe(Spec):
    """A model's missing process, its training and its imputation.

    Attributes:
        network: Which of `networks` it takes; null takes the one that is named as the data set.
        missing_process: p(s | x); `ignorable` makes the model a MIWAE.
        members: How many models are trained from independent initial weights; together they impute, as an
            equal mixture, where one alone depends on its initial weights.
        training: How each is trained.
        imputation: How it imputes.
    """

    network: str | None = None
    missing_process: Annotated[ProcessSpec, BeforeValidator(processes.parse)]
    members: PositiveInt = 1
    training: TrainingSpec
    imputation: ImputationSpec = ImputationSpec()
