"""Models of one architecture computed as one: a step too small for a processor alone isn't for many together.

A training step at the size of a table is some hundred small kernels, each of which costs more than its
arithmetic. `torch.vmap` makes them the kernels of all models at once.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from notmiwae.model.bound import LogWeightTerms
from notmiwae.model.noise import Generators
from notmiwae.model.not_miwae import NotMIWAE
from notmiwae.training.minibatches import Rows

_PROCESS, _SHAPES = "missing_process.", "shapes."
"""Parameters with the step size of the missing process, which are few and have far to go."""


class BatchedModels:
    """R models whose parameters are the rows of two matrices, so that an optimiser's step is two kernels.

    Arguments:
        models: Models to compute as one; all have the same architecture.

    Attributes:
        models: Models that are computed as one; their own parameters change in `load` alone.
        networks: Parameters of encoder, decoder, observation model and prior, `[R, P]`.
        process: Parameters of the missing process and of the columns' shapes, `[R, Q]`; Q may be 0.
    """

    def __init__(self, models: Sequence[NotMIWAE]) -> None:
        self.models = list(models)
        shapes = {name: values.shape for name, values in models[0].named_parameters()}
        self._names = [
            [name for name in shapes if name.startswith((_PROCESS, _SHAPES)) == is_process]
            for is_process in (False, True)
        ]
        self._shapes = [[shapes[name] for name in names] for names in self._names]
        self.networks, self.process = (nn.Parameter(self._rows(names)) for names in self._names)
        limits = [model.limits() for model in models]
        self._limited = list(limits[0])
        self._limits = [self._limit(limits, side) for side in (0, 1)] if any(limits) else None

    def _rows(self, names: list[str]) -> Tensor:
        rows = []
        for model in self.models:
            parameters = dict(model.named_parameters())
            flat = [parameters[name].detach().flatten() for name in names]
            rows.append(torch.cat(flat) if flat else next(self.models[0].parameters()).new_zeros(0))
        return torch.stack(rows)

    def _limit(self, limits: list[dict[str, tuple[Tensor, Tensor]]], side: int) -> Tensor:
        rows = []
        for model_limits in limits:
            parts = zip(self._names[1], self._shapes[1], strict=True)
            anywhere = {name: torch.full(shape, (-torch.inf, torch.inf)[side]) for name, shape in parts}
            own = {name: sides[side] for name, sides in model_limits.items()}
            flat = [values.flatten().to(self.process.device) for values in (anywhere | own).values()]
            rows.append(torch.cat(flat))
        return torch.stack(rows)

    @property
    def matrices(self) -> list[nn.Parameter]:
        """Both matrices of parameters, `networks` and `process`."""
        return [self.networks, self.process]

    def select(self, chosen: list[int]) -> None:
        """Go on with the `chosen` models alone."""
        self.models = [self.models[r] for r in chosen]
        for matrix in self.matrices:
            matrix.data = matrix.data[chosen]
            matrix.grad = None
        if self._limits:
            self._limits = [limit[chosen] for limit in self._limits]

    @torch.no_grad()
    def limit(self) -> None:
        """Put parameters back between their limits."""
        if not self._limits:
            return
        shapes = self.models[0].shapes
        if shapes is None:
            self.process.clamp_(*self._limits)
            return
        lowest, highest = (self._split(limit, 1) for limit in self._limits)
        now = self._split(self.process, 1)
        for name in now:
            if name.startswith(_SHAPES):
                now[name].clamp_(lowest[name], highest[name])
        shape = shapes.of(self._of(_SHAPES))
        for name in self._limited:
            if name.startswith(_PROCESS):
                # An edge is one of mapped values; the ends of what was seen are mapped anew.
                of = self.models[0].get_submodule(name.rpartition(".")[0]).get_buffer("columns")
                ends = shape.columns(of)
                now[name].clamp_(ends.transform(lowest[name]), ends.transform(highest[name]))

    def log_prior(self) -> Tensor | float:
        """Compute the logarithm of the prior of each model's process and shapes, `[R]`, 0 without one."""
        model = self.models[0]
        of_shapes = 0.0 if model.shapes is None else model.shapes.log_prior(self._of(_SHAPES))
        return model.missing_process.log_prior(self._of(_PROCESS)) + of_shapes

    def _of(self, part: str) -> dict[str, Tensor]:
        """Name the parameters of the models' processes or shapes, each `[R, …]`."""
        named = self._split(self.process, 1)
        return {name.removeprefix(part): named[name] for name in named if name.startswith(part)}

    def terms(self, rows: Rows, samples: int, generators: Sequence[torch.Generator]) -> LogWeightTerms:
        """Compute the terms of all models' importance weights, each `[R, K, B]` or broadcastable to it.

        Arguments:
            rows: Rows of each model, `[R, B, …]`.
            samples: Number of importance samples of a row, K.
            generators: Sources of the models' noise, one for each.
        """
        if len(self.models) == 1:
            alone = self.terms_of(0, tuple(each[0] for each in rows), samples, generators[0])
            return LogWeightTerms(*(term[None] for term in alone))
        together = torch.vmap(self._call, in_dims=(0, 0, None, None))
        terms = together(self._named(self.matrices), rows, samples, Generators(generators))
        # The axis of the models stays first; axes that a term lacks come behind it.
        return LogWeightTerms(
            *(term.reshape(len(term), *[1] * (3 - term.dim()), *term.shape[1:]) for term in terms)
        )

    def terms_of(self, r: int, rows: Rows, samples: int, generator: torch.Generator) -> LogWeightTerms:
        """Compute the terms of the r-th model's importance weights, as `NotMIWAE.forward` does."""
        return self._call(self._named([matrix[r] for matrix in self.matrices]), rows, samples, generator)

    def _named(self, matrices: Sequence[Tensor]) -> dict[str, Tensor]:
        return self._split(matrices[0], 0) | self._split(matrices[1], 1)

    def _split(self, matrix: Tensor, which: int) -> dict[str, Tensor]:
        """Name the parameters that a matrix `[..., P]` holds: those of `networks`, 0, or of `process`, 1."""
        names, shapes = self._names[which], self._shapes[which]
        parts = torch.split(matrix, [shape.numel() for shape in shapes], -1)
        own = zip(names, shapes, parts, strict=True)
        return {name: part.reshape(*matrix.shape[:-1], *shape) for name, shape, part in own}

    def _call(
        self, parameters: dict[str, Tensor], rows: Rows, samples: int, generator: torch.Generator
    ) -> LogWeightTerms:
        x, s, *ends = rows
        terms: LogWeightTerms = functional_call(self.models[0], parameters, (x, s, samples, generator, *ends))
        return terms

    @torch.no_grad()
    def load(self, matrices: Sequence[Tensor]) -> None:
        """Give each model its row of `matrices`, shaped as `networks` and `process`."""
        for name, values in self._named(matrices).items():
            for model, own in zip(self.models, values, strict=True):
                model.get_parameter(name).copy_(own)
