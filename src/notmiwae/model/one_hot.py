"""Rows as numbers that a network or a linear predictor takes: quantities, and an indicator of each code."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class OneHot(nn.Module):
    """Encode rows: quantities as they are, then an input for each code of the other columns.

    Arguments:
        codes: Number of codes of each feature; 0 for a quantity.

    Attributes:
        size: Number of inputs.
        features: Feature that each input is made from, `[size]`.
        names: Feature of each input, and `=code` of an indicator, for messages and tables.
    """

    columns: Tensor
    values: Tensor
    quantities: Tensor

    def __init__(self, codes: Sequence[int]) -> None:
        super().__init__()
        quantities = [column for column, count in enumerate(codes) if not count]
        columns = [column for column, count in enumerate(codes) for _ in range(count)]
        values = [float(code) for count in codes for code in range(count)]
        self.register_buffer("quantities", torch.tensor(quantities).long(), persistent=False)
        self.register_buffer("columns", torch.tensor(columns).long(), persistent=False)
        self.register_buffer("values", torch.tensor(values), persistent=False)
        self.features = [*quantities, *columns]
        self.names = [(column, "") for column in quantities]
        self.names += [(column, f"={value:g}") for column, value in zip(columns, values, strict=True)]
        self.size = len(self.features)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        """Encode rows `[..., D]` with masks `[..., D]` as `[..., size]`; zero where missing."""
        if not len(self.columns):
            return x
        ones = (x[..., self.columns] == self.values) * s[..., self.columns]
        return torch.cat([x[..., self.quantities], ones], -1)
