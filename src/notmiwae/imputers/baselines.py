"""All baselines, found by name in `baselines`."""

from notmiwae.imputers.base import Baseline, baselines
from notmiwae.imputers.chained import MICE, MissForest
from notmiwae.imputers.lowrank import LowRank
from notmiwae.imputers.simple import KNN, Mean

__all__ = ["KNN", "MICE", "Baseline", "LowRank", "Mean", "MissForest", "baselines"]
