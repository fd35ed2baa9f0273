"""What is estimated, and how surely."""

LEVEL = 0.95
"""Probability with which the intervals should hold."""
ESTIMANDS = ("mean", "slope")
"""The mean of the first column, and its slope on the second, by least squares."""


def truth(correlation: float) -> dict[str, float]:
    """Return what is estimated: a mean of 0, and the correlation, as all columns have one variance."""
    return {"mean": 0.0, "slope": correlation}
