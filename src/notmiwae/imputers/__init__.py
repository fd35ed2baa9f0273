"""Imputers to compare with: the usual baselines."""
