"""The imputation at each sample of z, by the interface that averages over them."""

import torch


def sample_means(missing, samples=None):
    """`E[x_m | z_k, s]`, `[K, B, D]` or of the first `samples`: all the weight on one sample at a time."""
    size, rows = missing.px.mean.shape[-3:-1]
    means = []
    for k in range(samples or size):
        alpha = torch.zeros(size, rows, dtype=missing.px.mean.dtype)
        alpha[k] = 1.0
        means.append(missing.average(alpha))
    return torch.stack(means)
