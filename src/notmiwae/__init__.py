"""Impute data that are missing not at random."""
