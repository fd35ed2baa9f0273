"""The probabilistic model: networks, observation models p(x | z), missing processes p(s | x), the bound.

Importing the package fills the registries of all three.
"""

from notmiwae.model import (
    by_column,
    discrete,
    missing,
    mixed,
    mixture,
    networks,
    observation,
    prior,
    probit,
    separable,
    student,
    two_edged,
)

__all__ = [
    "by_column",
    "discrete",
    "missing",
    "mixed",
    "mixture",
    "networks",
    "observation",
    "prior",
    "probit",
    "separable",
    "student",
    "two_edged",
]
