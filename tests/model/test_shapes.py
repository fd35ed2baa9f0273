"""Shapes of columns: the map and its inverse, means under it, the bound, and what is learnt."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from notmiwae import NotMIWAEImputer
from notmiwae.errors import DataError
from notmiwae.model.bound import iwae_bound
from notmiwae.model.distributions import Normal
from notmiwae.model.known_intervals import KnownIntervals
from notmiwae.model.missing_process.ignorable import IgnorableProcess
from notmiwae.model.missing_process.truncated_gaussian import TruncatedGaussian
from notmiwae.model.networks import MLPSpec
from notmiwae.model.not_miwae import ModelSpec, NotMIWAE
from notmiwae.model.shapes import Shape, Shapes
from notmiwae.training.fitted_model import FittedModel

LONG_RIGHT = (0.3, 0.7, 1.4, 0.3, -1.5, 4.0)
SHORT = (-0.2, 1.2, 1.8, 2.4, -1.5, 1.1)
LONG_LEFT = (0.1, 0.5, 0.2, 1.0, -6.0, 2.0)
"""Centre, scale, left and right tail, lowest and highest value."""
AMOUNT = (*LONG_RIGHT[:2], 0.8, 1.3, -1.4, 4.0, -1.5, math.inf)
SHARE = (0.2, 0.6, 0.7, 1.2, -1.4, 1.1, -1.5, 1.25)
LOSS = (-0.3, 0.6, 0.7, 1.2, -5.0, 0.9, -math.inf, 1.0)
"""The same, and limits."""


def shape(*entries: tuple[float, ...], shaped: bool = True) -> Shape:
    given = [(*each, -math.inf, math.inf)[:8] for each in entries]
    centre, scale, left, right, lowest, highest, floor, ceiling = torch.tensor(given, dtype=torch.double).T
    ends = (lowest, highest, 1.0 / (centre - floor), 1.0 / (ceiling - centre))
    return Shape(torch.full((len(entries),), shaped), centre, scale, left.log(), right.log(), *ends)


def mapped_back(own: Shape, y: float) -> float:
    return float(own.inverse(torch.tensor([y], dtype=torch.double)))


@given(
    st.floats(-2, 2),
    st.floats(0.5, 2),
    st.floats(0.1, 3),
    st.floats(0.1, 3),
    st.floats(-20, 20),
    st.floats(1e-3, 5),
)
def test_a_map_is_monotone_and_its_inverse_undoes_it(
    centre: float, scale: float, left: float, right: float, x: float, step: float
) -> None:
    own = shape((centre, scale, left, right, centre - 3.0, centre + 2.0))
    values = torch.tensor([[x], [x + step]], dtype=torch.double)
    y = own.transform(values)
    assert y[1] > y[0]
    torch.testing.assert_close(own.inverse(y), values, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("entries", [AMOUNT, SHARE, LOSS])
def test_between_limits_values_are_mapped_onto_the_line_and_back(entries: tuple[float, ...]) -> None:
    own = shape(entries)
    floor, ceiling = max(entries[6], -9.0), min(entries[7], 9.0)
    x = torch.linspace(floor + 0.01, ceiling - 0.01, 301, dtype=torch.double)[:, None]
    y = own.transform(x)
    assert (y.diff(dim=0) > 0).all()
    torch.testing.assert_close(own.inverse(y), x, rtol=1e-8, atol=1e-8)
    h = 1e-6
    slope = (own.transform(x + h) - own.transform(x - h)) / (2 * h)
    torch.testing.assert_close(own.log_slope(x), slope.log(), rtol=0, atol=1e-4)
    torch.testing.assert_close(own.log_slope(own.centre), torch.zeros(1).double(), rtol=0, atol=1e-8)
    far = own.inverse(torch.tensor([[-8.0], [8.0]], dtype=torch.double))
    assert (far > entries[6]).all()
    assert (far < entries[7]).all()
    # A value that lies at a limit has a finite place, and a finite slope.
    at = torch.tensor([[floor], [ceiling]], dtype=torch.double)
    assert own.transform(at).isfinite().all()
    assert own.log_slope(at).isfinite().all()


@pytest.mark.parametrize("entries", [LONG_RIGHT, SHORT, LONG_LEFT])
def test_the_slope_is_that_of_finite_differences(entries: tuple[float, ...]) -> None:
    own, h = shape(entries), 1e-6
    x = torch.linspace(-8, 8, 161, dtype=torch.double)[:, None] + 0.013
    slope = (own.transform(x + h) - own.transform(x - h)) / (2 * h)
    torch.testing.assert_close(own.log_slope(x), slope.log(), rtol=0, atol=1e-5)


def test_tails_of_one_are_the_identity_and_so_is_a_feature_without_a_map() -> None:
    x = torch.linspace(-9, 9, 37, dtype=torch.double)[:, None]
    torch.testing.assert_close(shape((0.4, 0.7, 1.0, 1.0, -2.0, 3.0)).transform(x), x)
    unshaped = shape(LONG_RIGHT, shaped=False)
    assert torch.equal(unshaped.transform(x), x)
    assert torch.equal(unshaped.inverse(x), x)
    assert not unshaped.log_slope(x).any()


def test_beyond_what_was_seen_a_map_is_a_straight_line() -> None:
    own = shape(LONG_RIGHT)
    y = own.transform(torch.tensor([[4.0], [5.0], [6.0], [60.0]], dtype=torch.double))[:, 0]
    assert float(y[2] - y[1]) == pytest.approx(float(y[1] - y[0]))
    assert float(y[3] - y[0]) == pytest.approx(56.0 * float(y[1] - y[0]))


@pytest.mark.parametrize("entries", [LONG_RIGHT, SHORT, LONG_LEFT, AMOUNT, SHARE])
@pytest.mark.parametrize(
    ("mean", "scale", "slope", "edge"),
    [(0.0, 1.0, 3.0, 1.0), (1.0, 0.5, 10.0, 1.5), (-1.0, 0.4, 30.0, 2.0), (0.5, 0.8, -5.0, -1.0)],
)
def test_the_mean_of_what_goes_missing_is_mapped_back(
    entries: tuple[float, ...], mean: float, scale: float, slope: float, edge: float
) -> None:
    own = shape(entries)
    px = Normal(torch.full((1, 1, 1), mean).double(), torch.full((1, 1, 1), scale).double())
    slopes, edges = (torch.full((1, 1, 1, 1), value).double() for value in (slope, edge))
    found = TruncatedGaussian(px, slopes, edges, None, None).average(torch.ones(1, 1).double(), own)

    def weight(y: float) -> float:
        return float(norm.pdf(y, mean, scale) * norm.cdf(slope * (y - edge)))

    ends = (mean - 12 * scale, mean + 12 * scale)
    options = {"points": [min(max(edge, ends[0]), ends[1]), mean], "limit": 400}
    total = quad(weight, *ends, **options)[0]
    expected = quad(lambda y: mapped_back(own, y) * weight(y), *ends, **options)[0] / total
    spread = quad(lambda y: mapped_back(own, y) ** 2 * weight(y), *ends, **options)[0] / total - expected**2
    assert float(found) == pytest.approx(expected, abs=0.03 * spread**0.5)


@pytest.mark.parametrize("entries", [LONG_RIGHT, SHORT, LONG_LEFT])
def test_the_mean_of_what_is_missing_at_random_is_mapped_back(entries: tuple[float, ...]) -> None:
    own = shape(entries)
    px = Normal(torch.full((1, 1, 1), 0.6).double(), torch.full((1, 1, 1), 0.9).double())
    expected = quad(lambda y: mapped_back(own, y) * norm.pdf(y, 0.6, 0.9), -10, 11, points=[own.centre[0]])[0]
    assert float(px.average(torch.ones(1, 1).double(), own)) == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("entries", [LONG_RIGHT, SHORT, LONG_LEFT])
@pytest.mark.parametrize(("lower", "upper"), [(-math.inf, -0.8), (0.2, 0.9), (1.0, math.inf)])
def test_the_mean_of_what_is_known_to_lie_between_two_ends_is_mapped_back(
    entries: tuple[float, ...], lower: float, upper: float
) -> None:
    own = shape(entries)
    px = Normal(torch.full((1, 1, 1), 0.1).double(), torch.full((1, 1, 1), 0.9).double())
    found = KnownIntervals(px, torch.tensor([[[lower, upper]]])).average(torch.ones(1, 1).double(), own)
    ends = (max(lower, -11.0), min(upper, 11.0))
    total = norm.cdf(upper, 0.1, 0.9) - norm.cdf(lower, 0.1, 0.9)
    first, second = (
        quad(lambda y, n=n: mapped_back(own, y) ** n * norm.pdf(y, 0.1, 0.9), *ends, limit=200)[0] / total
        for n in (1, 2)
    )
    assert float(found) == pytest.approx(first, abs=0.03 * (second - first**2) ** 0.5)


@torch.no_grad()
def test_an_interval_is_as_likely_as_the_density_in_it() -> None:
    model = small_model(LONG_RIGHT)
    model.spec = model.spec.model_copy(update={"censored": (0,)})
    model.censored = torch.tensor([0])
    noise, seen = torch.Generator(), torch.ones(1, 1).double()
    ends, middle = torch.tensor([[[-0.5, 1.5]]]).double(), torch.full((1, 1), 0.5).double()
    bound = iwae_bound(model(middle, seen, 4000, noise.manual_seed(0), ends).log_weights())
    x = torch.linspace(-0.5, 1.5, 201, dtype=torch.double)[:, None]
    terms = model(x, torch.ones_like(x), 4000, noise.manual_seed(1))
    density = iwae_bound(terms.log_weights()).exp()
    assert float(bound.exp()) == pytest.approx(float(torch.trapezoid(density, x[:, 0])), rel=0.03)


def small_model(*entries: tuple[float, ...]) -> NotMIWAE:
    spec = ModelSpec(latent_size=1, encoder=MLPSpec(hidden=(8,)), decoder=MLPSpec(hidden=(8,)), shapes=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NotMIWAE(spec, len(entries), IgnorableProcess(torch.arange(len(entries)))).double()
    assert model.shapes is not None
    own = shape(*entries)
    with torch.no_grad():
        for name, parameter in model.shapes.named_parameters():
            parameter.copy_(getattr(own, name))
    return model


@torch.no_grad()
def test_the_bound_is_that_of_a_density() -> None:
    x = torch.linspace(-30, 60, 6001, dtype=torch.double)[:, None]
    terms = small_model(LONG_RIGHT)(x, torch.ones_like(x), 400, torch.Generator().manual_seed(0))
    density = iwae_bound(terms.log_weights()).exp()
    assert float(torch.trapezoid(density, x[:, 0])) == pytest.approx(1.0, abs=0.03)


@torch.no_grad()
def test_the_bound_of_a_column_between_limits_is_that_of_a_density() -> None:
    x = torch.linspace(-1.5, 1.25, 4003, dtype=torch.double)[1:-1, None]
    terms = small_model(SHARE)(x, torch.ones_like(x), 400, torch.Generator().manual_seed(0))
    density = iwae_bound(terms.log_weights()).exp()
    assert float(torch.trapezoid(density, x[:, 0])) == pytest.approx(1.0, abs=0.03)


def skewed(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(rows, 1))
    g = 0.8 * shared + 0.6 * rng.normal(size=(rows, 4))
    return pd.DataFrame({"amount": np.exp(0.8 * g[:, 0]), "b": g[:, 1], "c": g[:, 2], "d": g[:, 3]})


@pytest.fixture(scope="module")
def cut_off() -> tuple[pd.DataFrame, pd.DataFrame, NotMIWAEImputer, NotMIWAEImputer]:
    """A table of which an amount's upper part goes missing, and imputers with and without shapes."""
    complete = skewed(800, 5)
    table = complete.copy()
    gone = np.random.default_rng(6).random(800) < norm.cdf(3.0 * (np.log(table["amount"]) / 0.8 - 0.6))
    table.loc[gone, "amount"] = np.nan
    settings = {"random_state": 0, "members": 2, "device": "cpu"}
    fits = [NotMIWAEImputer({"amount": "high"}, shapes=own, **settings).fit(table) for own in (True, False)]
    return complete, table, fits[0], fits[1]


def test_a_known_map_is_found_although_its_tail_is_cut_off(
    cut_off: tuple[pd.DataFrame, pd.DataFrame, NotMIWAEImputer, NotMIWAEImputer],
) -> None:
    complete, table, shaped, gaussian = cut_off
    for member in shaped.members_:
        assert member.model.shapes is not None
        own = member.model.shapes()
        assert own.log_right[0].exp() < 0.8
        # Of columns that are Gaussian the map stays near to the identity.
        x = torch.linspace(-1.5, 1.5, 5)[:, None].expand(-1, 4)
        torch.testing.assert_close(own.transform(x)[:, 1:], x[:, 1:], rtol=0, atol=0.5)
    gone = table["amount"].isna()
    truth = complete.loc[gone, "amount"]
    wrong = [fit.transform(table).loc[gone, "amount"] - truth for fit in (shaped, gaussian)]
    assert (wrong[0] ** 2).mean() < 0.95 * (wrong[1] ** 2).mean()
    assert shaped.score(table) > gaussian.score(table)


def test_edges_are_told_in_the_columns_own_units(
    cut_off: tuple[pd.DataFrame, pd.DataFrame, NotMIWAEImputer, NotMIWAEImputer],
) -> None:
    _, table, shaped, gaussian = cut_off
    (edge,), (other,) = (fit.missing_process_["midpoint"] for fit in (shaped, gaussian))
    assert edge < table["amount"].max()
    # Half of the values go missing at exp(0.8 · 0.6) = 1.62.
    assert edge == pytest.approx(1.62, abs=0.5)
    assert abs(edge - 1.62) < abs(other - 1.62) + 0.2


def test_what_is_imputed_lies_between_limits_and_does_not_pile_up_there() -> None:
    complete = skewed(500, 9)
    share = 1.0 / (1.0 + complete["amount"] ** -1.5)
    table = complete.assign(amount=share.mask(share > share.quantile(0.7)))
    settings = {"limits": {"amount": (0, 1)}, "members": 2, "random_state": 0, "device": "cpu"}
    gone = table["amount"].isna()
    wrong = {}
    # Who says limits needn't ask for a shape.
    for shapes in (None, False):
        imputer = NotMIWAEImputer({"amount": "high"}, shapes=shapes, **settings).fit(table)
        mean, draws = imputer.complete(table, 5)
        drawn = np.concatenate([draw.loc[gone, "amount"] for draw in draws])
        assert ((drawn >= 0) & (drawn <= 1)).all()
        at_limits = ((drawn == 0) | (drawn == 1)).mean()
        assert at_limits == 0 if shapes is None else at_limits > 0.02
        wrong[shapes] = ((mean.loc[gone, "amount"] - share[gone]) ** 2).mean()
    assert wrong[None] < wrong[False]


def test_a_limit_at_which_values_pile_up_bends_no_map() -> None:
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0)).clamp_min(-0.5)
    shapes = Shapes([True, True])
    shapes.begin(x, torch.ones_like(x), torch.tensor([-0.5, -0.6]), torch.full((2,), math.inf))
    assert shapes().below[0] == 0
    assert shapes().below[1] > 0
    assert not shapes().above.any()


def test_a_saved_imputer_keeps_its_shapes(
    cut_off: tuple[pd.DataFrame, pd.DataFrame, NotMIWAEImputer, NotMIWAEImputer], tmp_path: Path
) -> None:
    _, table, shaped, gaussian = cut_off
    folder = tmp_path / "saved"
    shaped.save(folder)
    pd.testing.assert_frame_equal(NotMIWAEImputer.load(folder).transform(table), shaped.transform(table))
    gaussian.save(folder)
    assert "shapes" not in (folder / "0000" / "model.json").read_text()


def test_maps_of_a_file_that_are_none_are_refused(tmp_path: Path) -> None:
    from notmiwae.model.missing_process.ignorable import IgnorableSpec
    from notmiwae.training.scaling import Scaling

    model = small_model(LONG_RIGHT, SHORT).float()
    assert model.shapes is not None
    with torch.no_grad():
        model.shapes.get_parameter("scale").zero_()
    folder = tmp_path
    FittedModel(model, IgnorableSpec(), ("a", "b"), Scaling(np.zeros(2), np.ones(2))).save(folder)
    with pytest.raises(DataError, match="positive scales"):
        FittedModel.load(folder)


def test_draws_of_a_shaped_column_obey_what_is_known() -> None:
    table = skewed(300, 8)
    low = table["amount"] < 0.6
    table.loc[low, "amount"] = np.nan
    imputer = NotMIWAEImputer(
        "mar", censored={"amount": (None, 0.6)}, shapes=True, members=1, steps=100, random_state=0
    )
    mean, draws = imputer.fit(table).complete(table, 5)
    for completed in (mean, *draws):
        assert (completed.loc[low, "amount"] <= 0.6).all()
        pd.testing.assert_series_equal(completed.loc[~low, "amount"], table.loc[~low, "amount"])
    assert draws[0].loc[low, "amount"].nunique() > 50
