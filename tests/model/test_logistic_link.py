"""The logistic link: its mixture of probits."""

import numpy as np
import pytest
from scipy.special import ndtr

from notmiwae.model.missing_process import logistic_link


def test_the_mixture_of_probits_is_the_sigmoid_where_it_is_integrated():
    kappa, log_weights = (values.numpy() for values in logistic_link._kappa())
    assert np.exp(log_weights).sum() == pytest.approx(1.0)
    assert np.diff(np.log(kappa)) == pytest.approx(np.full(11, np.log(14) / 11))
    y = np.linspace(-4, 12, 60)
    mixture = (np.exp(log_weights) * ndtr(y[:, None] / kappa)).sum(1)
    assert mixture == pytest.approx(1 / (1 + np.exp(-y)), abs=2e-7)
