"""What is estimated, and how surely."""

LEVEL = 0.95
"""Probability with which the intervals should hold."""
ESTIMANDS = ("mean", "slope")
"""The mean of the first column, and its slope on the second, by least squares."""
