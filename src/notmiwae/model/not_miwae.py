"""The latent-variable model and its importance weights: MIWAE, and with a missing process not-MIWAE."""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, FiniteFloat, NonNegativeInt
from torch import Tensor, nn
from torch.nn.functional import softplus
from typing_extensions import override

from notmiwae.model.bound import LogWeightTerms
from notmiwae.model.distributions import Likelihood, Normal, standard_normal_log_prob
from notmiwae.model.known_intervals import KnownIntervals, PartlyKnown, in_columns
from notmiwae.model.missing_process.missing_process import Missing, MissingProcess
from notmiwae.model.networks import MLPSpec, NetworkSpec, Size, networks
from notmiwae.model.noise import normal
from notmiwae.model.observation.gaussian import GaussianSpec
from notmiwae.model.observation.observation_model import ObservationSpec, observations
from notmiwae.model.one_hot import OneHot
from notmiwae.model.priors import PriorSpec, StandardNormalSpec, priors
from notmiwae.model.shapes import Shape, Shapes
from notmiwae.specs import Spec


class ModelSpec(Spec):
    """The networks of a model; MIWAE and not-MIWAE share them and differ in the missing process alone.

    Attributes:
        latent_size: Dimension of z; null: one less than the features, as in Ipsen et al. (2021).
        encoder: Network from the row to q(z | x_o); missing values are filled with zero (the mean), and a
            column of unordered codes is one input a code.
        encoder_sees_mask: Whether the mask is appended to the encoder's input.
        decoder: Network from z to the parameters of p(x | z).
        observation: Observation model p(x | z).
        prior: Prior p(z) of the latent.
        standardise: Whether real features are given mean 0 and variance 1 by what was observed of them.
        shapes: Whether real features learn their shape, a monotone map to what is Gaussian given z; or the
            indices of those that do.
        limits: Lowest and highest value of each feature, in its own unit, null where there is none: its shape
            maps what lies between onto the line, unless values pile up there. Empty: none has any.
        censored: Indices of the features of which missing values may be known to lie between two ends, in the
            order in which rows come with these ends.
    """

    latent_size: Size | None
    encoder: Annotated[NetworkSpec, BeforeValidator(networks.parse)] = MLPSpec()
    encoder_sees_mask: bool = True
    decoder: Annotated[NetworkSpec, BeforeValidator(networks.parse)] = MLPSpec()
    observation: Annotated[ObservationSpec, BeforeValidator(observations.parse)] = GaussianSpec()
    prior: Annotated[PriorSpec, BeforeValidator(priors.parse)] = StandardNormalSpec()
    standardise: bool = True
    shapes: bool | tuple[NonNegativeInt, ...] = False
    limits: tuple[tuple[FiniteFloat | None, FiniteFloat | None], ...] = ()
    censored: tuple[NonNegativeInt, ...] = ()

    @override
    def to_mapping(self) -> dict[str, Any]:
        """Return the network's entry; what is new has no part in it where it's the default."""
        mapping = super().to_mapping()
        added: dict[str, Any] = {name: _plain(mapping.pop(name)) for name in ("shapes", "censored")}
        added["limits"] = [list(ends) for ends in mapping.pop("limits")]
        return mapping | {name: value for name, value in added.items() if value}

    def shaped(self, features: int) -> list[bool]:
        """Tell which of the features learn their shape."""
        chosen = range(features) if self.shapes is True else self.shapes or ()
        levels = self.observation.levels(features)
        return [j in chosen and not count for j, count in enumerate(levels)]

    def standardised(self, features: int) -> list[bool]:
        """Tell which of the features are standardised."""
        return [self.standardise and not levels for levels in self.observation.levels(features)]


@dataclass(frozen=True)
class ImportanceSamples:
    """K importance samples of each row's latent, and what follows for the missing values.

    Attributes:
        px: Law of complete rows given each sample, p(x | z_k); of columns with a shape, of T(x).
        missing: Law of the missing values given the mask and each sample, p(x_m | z_k, s), of T(x) too.
        terms: Terms of the logarithms of the importance weights, `log w_k`.
        x: The rows, `[B, D]`, mapped by T.
        s: Which values were seen, 1 or 0, not those that are only known to lie between two ends.
        shape: Shapes of the columns; None where they have none.
    """

    px: Likelihood
    missing: Missing
    terms: LogWeightTerms
    x: Tensor
    s: Tensor
    shape: Shape | None

    @property
    def log_weights(self) -> Tensor:
        """Logarithms of the importance weights, `log w_k`, `[K, B]`."""
        return self.terms.log_weights()

    def average(self, alpha: Tensor) -> Tensor:
        """Impute under normalised importance weights α `[K, B]`, as `[B, D]`; see `Missing.average`."""
        return self.missing.average(alpha, self.shape)

    def sample(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """Draw x_m | z_k, s for each chosen k, `[M, B]`, as `[M, B, D]`; see `Missing.sample`."""
        drawn = self.missing.sample(chosen, generator)
        return drawn if self.shape is None else self.shape.inverse(drawn)

    def own_log_prob(self, feature: int) -> Tensor:
        """Compute what one feature's value adds to `log p(x_o | z_k)`, `[K, B]`, 0 of one that is missing."""
        own = torch.tensor([feature], device=self.x.device)
        density = self.px.columns(own).log_prob(self.x[:, own], self.s[:, own])
        if self.shape is not None:
            shape = self.shape.columns(own)
            log_slope = shape.log_slope(shape.inverse(self.x[:, own]))
            density = density + (self.s[:, own] * log_slope)[:, 0]
        if isinstance(self.missing, PartlyKnown):
            density = density + self.missing.log_prob_of(feature)
        return density

    def expected(self, column: int, alpha: Tensor) -> Tensor:
        """Average a column's `E[x_j | z_k]` under importance weights α `[K, B]`, `[B]`."""
        own = torch.tensor([column], device=self.x.device)
        shape = None if self.shape is None else self.shape.columns(own)
        return self.px.columns(own).average(alpha, shape)[:, 0]


class NotMIWAE(nn.Module):
    """`p(x, s) = p(s | x) ∫ p(x | z) p(z) dz` with the encoder `q(z | x_o, s)`, a diagonal Gaussian.

    Arguments:
        spec: Networks, observation model and prior.
        features: Number of features, D.
        missing_process: Missing process p(s | x); `IgnorableProcess` makes the model a MIWAE.
    """

    censored: Tensor

    def __init__(self, spec: ModelSpec, features: int, missing_process: MissingProcess) -> None:
        super().__init__()
        self.spec = spec
        self.latent_size = latent_size = spec.latent_size or max(features - 1, 1)
        self.inputs = OneHot(spec.observation.codes(features))
        mask = features if spec.encoder_sees_mask else 0
        inferred = latent_size + missing_process.latents
        self.encoder = spec.encoder.build(self.inputs.size + mask, 2 * inferred)
        self.decoder = spec.decoder.build(latent_size, spec.observation.outputs(features))
        self.observation = spec.observation.build(features)
        self.prior = spec.prior.build(latent_size)
        self.missing_process = missing_process
        shaped = spec.shaped(features)
        self.shapes = Shapes(shaped) if any(shaped) else None
        self.register_buffer("censored", torch.tensor(spec.censored).long(), persistent=False)

    def encode(self, x: Tensor, s: Tensor) -> Normal:
        """Compute `q(z, w | x_o, s)`, `[B, H + G]`, for rows and masks `[B, D]`; missing values are zero."""
        inputs = self.inputs(x, s)
        mean, raw_scale = self.encoder(
            torch.cat([inputs, s], -1) if self.spec.encoder_sees_mask else inputs
        ).chunk(2, -1)
        return Normal(mean, softplus(raw_scale) + 1e-4)

    def decode(self, z: Tensor) -> Likelihood:
        """Compute `p(x | z)`, `[..., D]`, for latents `[..., H]`."""
        px: Likelihood = self.observation(self.decoder(z))
        return px

    def importance_samples(
        self, x: Tensor, s: Tensor, samples: int, generator: torch.Generator, ends: Tensor | None = None
    ) -> ImportanceSamples:
        """Draw `z_k ~ q(z | x_o, s)` and weigh them (Ipsen et al. 2021, Eq. 6–8).

        `w_k = p(s | x_o, z_k) p(x_o | z_k) p(z_k) / q(z_k | x_o, s)`

        Latents of the missing process alone are drawn and weighed with z.

        Arguments:
            x: Standardised rows `[B, D]`, zero where missing, and something of the size of its ends where a
                value is known to lie between two.
            s: Mask `[B, D]`, 1 where observed, and where known.
            samples: Number of importance samples of a row, K.
            generator: Source of all noise.
            ends: Lower and upper ends of the `censored` features, `[B, C, 2]`, infinite where there is none;
                None: no value is known.
        """
        known = None if ends is None else self._known(x, ends)
        seen = s if known is None else s - known
        shape, log_slope = None, 0.0
        if self.shapes is not None:
            shape = self.shapes()
            mapped, by_feature = shape.with_log_slope(x)
            log_slope, x = (seen * by_feature).sum(-1), s * mapped
            ends = None if ends is None else _mapped(ends, shape.columns(self.censored))
        qz = self.encode(x, seen)
        noise = normal(qz.mean.expand(samples, *qz.mean.shape), generator)
        drawn = qz.rsample(noise)
        z, w = drawn, None
        if self.missing_process.latents:
            z, w = drawn[..., : self.latent_size], drawn[..., self.latent_size :]
        px = self.decode(z)
        log_px = px.log_prob(x, seen)
        if ends is None or known is None:
            missing: Missing = self.missing_process(px, x, s, generator, w)
        else:
            intervals = KnownIntervals(px.columns(self.censored), ends)
            log_px = log_px + intervals.log_prob.sum(-1)
            # To the process a known value is a seen one, at its mean, whose own share is left out.
            shown = in_columns(x.expand(samples, *x.shape), self.censored, intervals.mean)
            process = self.missing_process(px, torch.where(known.bool(), shown, x), s, generator, w)
            missing = PartlyKnown(process, px, self.censored, ends, known, intervals)
        terms = LogWeightTerms(
            px=log_px + log_slope,
            ps=missing.log_prob,
            pz=self.prior(z) if w is None else self.prior(z) + standard_normal_log_prob(w),
            qz=qz.log_prob_of(noise),
        )
        return ImportanceSamples(px, missing, terms, x, seen, shape)

    def _known(self, x: Tensor, ends: Tensor) -> Tensor:
        """Tell which values are known to lie between two ends, 1 or 0, `[B, D]`."""
        return in_columns(torch.zeros_like(x), self.censored, ends.isfinite().any(-1))

    def forward(
        self, x: Tensor, s: Tensor, samples: int, generator: torch.Generator, ends: Tensor | None = None
    ) -> LogWeightTerms:
        """Compute the terms of the weights of `importance_samples`: tensors alone, as `torch.vmap` asks."""
        return self.importance_samples(x, s, samples, generator, ends).terms

    def missing_probability(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        """Compute `p(s_j = 0 | x)` of complete rows, `[N, D]`; see `MissingProcess.missing_probability`."""
        mapped = x if self.shapes is None else self.shapes().transform(x)
        return self.missing_process.missing_probability(mapped, w)

    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Give the lowest and highest values of parameters, by name, between which training keeps them.

        Those of a missing process are values of columns, not yet mapped by T.
        """
        parts: dict[str, MissingProcess | Shapes] = {"missing_process": self.missing_process}
        if self.shapes is not None:
            parts["shapes"] = self.shapes
        return {f"{at}.{name}": ends for at, part in parts.items() for name, ends in part.limits().items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _mapped(ends: Tensor, shape: Shape) -> Tensor:
    """Map the ends of known intervals, `[B, C, 2]`, those that are infinite to themselves."""
    mapped = torch.stack([shape.transform(end) for end in ends.nan_to_num().unbind(-1)], -1)
    return torch.where(ends.isfinite(), mapped, ends)
