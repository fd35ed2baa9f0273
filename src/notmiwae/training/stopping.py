"""When the training of a model ends before its last step."""

from notmiwae.training.recipe import TrainingSpec


def should_stop(step: int, best_step: int, training: TrainingSpec) -> bool:
    """Tell, at each measurement of a model's held-out ELBO, whether its training ends here.

    Arguments:
        step: Number of steps done.
        best_step: Step of the best held-out ELBO so far.
        training: How the model is trained.
    """
    return training.patience is not None and step - best_step >= training.patience * training.check_every
