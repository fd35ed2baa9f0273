"""What `models.<model>.<data set>` of params.yaml holds: everything of a model but its networks."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from notmiwae.inference.imputation import ImputationSpec
from notmiwae.inference.training import TrainingSpec
from notmiwae.model.missing import ProcessSpec, processes
from notmiwae.params import Spec


class Recipe(Spec):
    """A model's missing process, its training and its imputation.

    Attributes:
        missing_process: p(s | x); `ignorable` makes the model a MIWAE.
        training: How it is trained.
        imputation: How it imputes.
    """

    missing_process: Annotated[ProcessSpec, BeforeValidator(processes.parse)]
    training: TrainingSpec
    imputation: ImputationSpec
