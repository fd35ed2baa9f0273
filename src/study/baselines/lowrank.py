"""A low-rank matrix of the values and the mask together (Sportisse, Boyer & Josse 2020, arXiv 1812.11409)."""

from typing import Annotated

import numpy as np
from pydantic import Field
from typing_extensions import override

from notmiwae.arrays import Floats
from study.baselines.baseline import Baseline, baselines
from study.baselines.soft_impute import largest_penalty, soft_impute_path


@baselines.register("lowrank")
class LowRank(Baseline):
    """Soft-impute of `[x, s]`: the mask's columns, always observed, model `p(s | x)` implicitly.

    As Ipsen et al. (ICLR 2021, appendix A.1) ran it: columns as they come, s as 0 and 1 (the columns that
    have missing values), λ by the squared error of 5 % of the observed cells of `[x, s]`, drawn and held out;
    then the fit to all of them at that λ.

    Nothing is centred, so the penalty pulls towards 0. On columns that were standardised before values went
    missing, 0 is the *complete* column's mean, which no imputer can know: `standardise` takes that away.

    Attributes:
        penalties: Number of λ to try, evenly spaced in logarithms, from the least at which all is 0 down.
        smallest: Last λ, as a share of the first.
        held_out: Share of the observed cells to choose λ by.
        standardise: Whether columns are first scaled to mean 0 and standard deviation 1 by their observed
            values, the mask's too.
    """

    penalties: Annotated[int, Field(ge=2)] = 30
    smallest: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.05
    standardise: bool = False

    @property
    @override
    def deterministic(self) -> bool:
        """Deny it: the cells held out are drawn."""
        return False

    @override
    def _impute(self, values: Floats, seed: int) -> Floats:
        observed = ~np.isnan(values)
        incomplete = ~observed.all(axis=0)
        joint = np.concatenate([values, observed[:, incomplete]], axis=1)
        centre, scale = _centre_and_scale(joint) if self.standardise else (0.0, 1.0)
        fitted = self._fit((joint - centre) / scale, np.random.default_rng(seed)) * scale + centre
        return np.where(observed, values, fitted[:, : values.shape[1]])

    def _fit(self, joint: Floats, generator: np.random.Generator) -> Floats:
        """Fit the low-rank matrix, `[N, D + C]`, at the λ of the least error on cells held out."""
        observed = ~np.isnan(joint)
        cells = np.flatnonzero(observed)
        held = generator.choice(cells, max(1, round(self.held_out * len(cells))), replace=False)
        rest = observed.copy()
        rest.flat[held] = False
        largest = largest_penalty(joint, observed)
        if largest == 0:
            return np.zeros_like(joint)
        penalties = np.geomspace(largest, self.smallest * largest, self.penalties)
        path = soft_impute_path(joint, rest, penalties)
        best = int(np.argmin([np.square(fit.flat[held] - joint.flat[held]).sum() for fit in path]))
        return soft_impute_path(joint, observed, penalties[: best + 1])[-1]


def _centre_and_scale(joint: Floats) -> tuple[Floats, Floats]:
    scale = np.nanstd(joint, axis=0)
    return np.nanmean(joint, axis=0), np.where(scale > 0, scale, 1.0)
