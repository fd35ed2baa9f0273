"""Brute-force integrals in double precision, independent of the package."""

import numpy as np
from scipy.special import log_expit, log_ndtr, logsumexp
from scipy.stats import norm, t

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_STEPS = np.array([-40, -20, -12, -7, -4, -2, -1, -0.5, 0, 0.5, 1, 2, 4, 7, 12, 20, 40])


def log_normal(mu, sigma):
    return norm(mu, sigma).logpdf


def log_student(mu, sigma, degrees):
    return t(degrees, mu, sigma).logpdf


def log_self_masking(slope, edge, link):
    return lambda x: {"probit": log_ndtr, "logistic": log_expit}[link](slope * (x - edge))


def log_outside(slope, lower, upper):
    return lambda x: np.logaddexp(log_ndtr(slope * (lower - x)), log_ndtr(slope * (x - upper)))


def log_inside(slope, lower, upper):
    def log_probability(x):
        # The tail in which differences are of small numbers.
        high = np.where(x > (lower + upper) / 2, slope * (upper - x), slope * (x - lower))
        above = log_ndtr(high)
        return above + np.log(-np.expm1(log_ndtr(high - slope * (upper - lower)) - above))

    return log_probability


class Integral:
    """x with density proportional to `exp(log_missing(x) + log_density(x))`.

    Composite Gauss–Legendre: 20 nodes in each of some hundred pieces, that are as fine as the function is
    near the mean, the edges, and the tail beyond an edge.
    """

    def __init__(self, log_missing, log_density, mu, sigma, slope, edges, far=100.0):
        reach = np.logspace(-2, np.log10(far), 80)
        widths = [
            [sigma, 1 / abs(slope), 0.03 * sigma, sigma**2 / (abs(b - mu) + 1e-9), abs(b - mu)] for b in edges
        ]
        points = [
            mu + sigma * np.concatenate([-reach, [0.0], reach]),
            *(b + _STEPS * w for b, ws in zip(edges, widths, strict=True) for w in ws),
        ]
        points = np.unique(np.concatenate(points))
        points = points[np.append(True, np.diff(points) > 1e-12)]
        half = np.diff(points)[:, None] / 2
        x = (points[:-1, None] + half) + half * _NODES
        log_terms = log_missing(x) + log_density(x) + np.log(half * _WEIGHTS)
        self.log_mass = logsumexp(log_terms)
        shares = np.exp(log_terms - self.log_mass)
        self.mean = (shares * x).sum()
        self.variance = (shares * (x - self.mean) ** 2).sum()
        self._points, self._shares = points, shares.sum(1)

    def cdf(self, x):
        return np.interp(x, self._points, np.concatenate([[0.0], np.cumsum(self._shares)]))
