"""What an entry of `models` in params.yaml holds: everything of a model but its networks."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from notmiwae.model.missing_process.missing_process import ProcessSpec, processes
from notmiwae.specs import Spec

_FIRST = 50
"""Importance samples of the first try, where a row takes as many as it needs."""
_MORE = 4
"""Factor by which the next try takes more."""


class TrainingSpec(Spec):
    """How a model is trained.

    Attributes:
        samples: Number of importance samples of a row, K.
        batch_size: Number of rows of a step, B.
        steps: Greatest number of steps of Adam.
        learning_rate: Step size of encoder, decoder and observation model.
        missing_process_learning_rate: Step size of the missing process, whose slopes have far to go.
        decay: Share of the steps, at the end, over which the step sizes fall linearly to zero.
        warm_start: Number of steps at the beginning in which missingness is taken as ignorable (MIWAE), so
            that the missing process meets networks that already know the features; the held-out bound of
            these steps keeps no weights.
        gradient_clip: Largest norm of the gradient; a longer one is shortened to it; null clips nothing.
        restarts: Number of independent initial weights to train from; the highest held-out bound wins.
        race: Share of the steps after the warm start at which only the best of several runs (starts and
            restarts) goes on.
        held_out: Share of the rows that only measure the bound, 1,000 of them at most.
        validation_samples: Number of importance samples of a row, K, for the held-out bound.
        check_every: Number of steps between measurements of the held-out bound.
        together: Greatest number of models (replicates, members of a mixture) that are computed as one:
            small models take a fraction of the time so. Large networks, as those of images, are better alone.
        slack: Number of paired standard errors by which the held-out bound of the weights that are kept may
            fall short of the best: the latest such weights are kept, at 0 the best. A few dozen held-out
            rows can't tell converged weights from lucky ones.
        patience: Number of measurements without a better bound after which training stops; null never
            stops it.
        bootstrap: Whether a model is trained on as many rows drawn with replacement from those that aren't
            held out (Efron 1979), so that members that impute together differ by what the rows leave open.
    """

    samples: PositiveInt = 20
    batch_size: PositiveInt = 64
    steps: PositiveInt
    learning_rate: PositiveFloat = 1e-3
    missing_process_learning_rate: PositiveFloat = 1e-2
    decay: Annotated[float, Field(ge=0, le=1)] = 0.3
    warm_start: NonNegativeInt = 0
    gradient_clip: PositiveFloat | None = None
    restarts: PositiveInt = 1
    race: Annotated[float, Field(gt=0, le=1)] = 0.3
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    validation_samples: PositiveInt = 50
    check_every: PositiveInt = 50
    together: PositiveInt = 10
    slack: Annotated[float, Field(ge=0)] = 1.0
    patience: PositiveInt | None = None
    bootstrap: bool = False

    @model_validator(mode="after")
    def _warm_start_ends(self) -> Self:
        if self.warm_start >= self.steps:
            raise ValueError(f"warm_start ({self.warm_start}) must be less than steps ({self.steps})")
        return self


class ImputationSpec(Spec):
    """How a fitted model imputes.

    Attributes:
        samples: Number of importance samples of a row, L; the greatest number where `enough` is given.
        enough: Number of effective samples at which a row has enough: 50 samples are tried, and where fewer
            count, four times as many instead; null: always L.
        draws: Number of multiple imputations drawn beside the mean, M.
    """

    samples: PositiveInt = 1000
    enough: PositiveFloat | None = None
    draws: Annotated[int, Field(ge=0)] = 20

    def tries(self) -> list[int]:
        """List how many samples are taken, one try after the other."""
        tries = [self.samples]
        if self.enough:
            tries = []
            while not tries or tries[-1] < self.samples:
                tries.append(min(_FIRST * _MORE ** len(tries), self.samples))
        return tries


class RecipeSpec(Spec):
    """A model's missing process, its training and its imputation.

    Attributes:
        network: Name of the model's entry in `networks`; null takes the one that is named as the data set.
        missing_process: Missing process p(s | x); `ignorable` makes the model a MIWAE.
        members: Number of models that are trained from independent initial weights; together they impute, as
            an equal mixture, where one alone depends on its initial weights.
        training: How each member is trained.
        imputation: How the members impute.
    """

    network: str | None = None
    missing_process: Annotated[ProcessSpec, BeforeValidator(processes.parse)]
    members: PositiveInt = 1
    training: TrainingSpec
    imputation: ImputationSpec = ImputationSpec()

    @property
    def replicates_together(self) -> int:
        """Number of replicates that, with all their members, are best done as one job."""
        return max(1, self.training.together // self.members)
