"""Errors a user can act on: one line that names the place, the value found and what is accepted."""

LONGEST = 500
"""Characters of another library's message that are repeated, at most."""


def flat(text: object, longest: int | None = None) -> str:
    """Return a text, or another library's error, on one line, whatever a name or value in it holds.

    Arguments:
        text: Text or error; one that says nothing is named by its class.
        longest: Number of characters after which the text is cut off; None: it isn't.
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
    """Training reached a bound that isn't finite; the message names the step and the terms that broke."""


class AssumptionWarning(UserWarning):
    """What is assumed of missing values wasn't said, or can't be told from the data; nothing failed."""


class WorkerError(NotMIWAEError):
    """A worker process died: somebody killed it, or the machine had no memory left."""
