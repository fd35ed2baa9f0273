"""Both estimators are what scikit-learn expects of one."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from notmiwae import MIWAEImputer, NotMIWAEImputer


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [
        MIWAEImputer(steps=20, members=1, n_samples=5),
        NotMIWAEImputer(steps=20, members=1, n_samples=5),
        NotMIWAEImputer("high", steps=20, members=2, n_samples=5),
    ]
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)
