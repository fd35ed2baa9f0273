"""The probabilistic model: networks, observation models p(x | z), missing processes p(s | x), the bound.

Importing the package fills the registries of all three.
"""

from notmiwae.model import missing, networks, observation, probit

__all__ = ["missing", "networks", "observation", "probit"]
