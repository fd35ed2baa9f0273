"""Errors a user can act on: one line that names the place, the value found and what is accepted."""


def flat(text: object, longest: int | None = None) -> str:
    """A text or another library's error without line breaks, whatever a name or value in it holds.

    Arguments:
        text: The text; of an error that says nothing, its kind.
        longest: Characters after which the text is cut off, if it is.
    """
    line = " ".join(str(text).split())
    if not line and isinstance(text, BaseException):
        line = type(text).__name__
    return line[:longest]


class NotMIWAEError(ValueError):
    """Base of every error raised for what a user gave; a stage or command prints it without a traceback."""


class ParameterError(NotMIWAEError):
    """A parameter (a key of `params.yaml`, an argument) is unknown, missing or out of range."""


class DataError(NotMIWAEError):
    """An input table or file is absent, altered, or can't be used as asked."""


class DivergenceError(NotMIWAEError):
    """Training reached a non-finite bound; the message names the step and the terms that broke."""


class AssumptionWarning(UserWarning):
    """What is assumed of missing values wasn't said, or can't be told from the data; nothing failed."""


class WorkerError(NotMIWAEError):
    """A process that ran a job died: somebody killed it, or the machine had no memory left."""
