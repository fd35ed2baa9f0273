"""MIWAE as a scikit-learn imputer of a user's own table, and what not-MIWAE shares with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from notmiwae.arrays import Floats
from notmiwae.computing import resolve
from notmiwae.errors import AssumptionWarning
from notmiwae.estimators import learnt_process as learnt
from notmiwae.estimators import storage
from notmiwae.estimators.accepted_tables import Rows, table_as_fitted, table_to_fit
from notmiwae.estimators.arguments import check_arguments, whole
from notmiwae.estimators.assumptions import trimmed
from notmiwae.estimators.check import Check
from notmiwae.estimators.choice import AT_RANDOM, Decided, assumptions_table
from notmiwae.estimators.column_kinds import Limits
from notmiwae.estimators.column_processes import explains
from notmiwae.estimators.columns import fill
from notmiwae.estimators.cross_validation import blank, with_gaps
from notmiwae.estimators.defaults import network, training
from notmiwae.estimators.ensemble import Ensemble
from notmiwae.estimators.evidence import masks_at_random
from notmiwae.estimators.known_values import Censored
from notmiwae.estimators.markers import Markers
from notmiwae.estimators.races import choose
from notmiwae.estimators.scoring import row_bounds
from notmiwae.estimators.threads import torch_threads
from notmiwae.estimators.workers import Workers, mean_bound
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.randomness import torch_seed
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.known_cells import rows_of


class MIWAEImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Impute by a MIWAE: values are missing at random, given what is seen (Mattei & Frellsen, ICML 2019).

    Takes an array of numbers, masked or not, or a DataFrame (pandas or polars) of numbers, truth values and
    categories, and returns the same kind, with dtypes, index and the order of columns kept; nothing is masked
    any more. Columns are standardised inside.

    Arguments:
        latent_size: Dimension of z; None: one less than the columns, at most 20.
        hidden: Widths of the hidden layers of encoder and decoder.
        shapes: Whether numbers learn the map after which they are Gaussian given z: for columns with a long
            tail; None: those that aren't counts learn it where `limits` are said of them, so that what is
            imputed lies between and doesn't pile up there. Training takes twice as long.
        steps: Number of training steps; None: 700, more for a large table (ten epochs), at most 2,000.
        members: Number of models, trained from independent initial weights, which impute together.
        bootstrap: Whether each member is trained on as many rows drawn with replacement: then draws also
            differ by what the table leaves open of the model, as the standard errors of pooled estimates
            need. How far members differ takes some to tell: ten or more.
        n_samples: Number of importance samples L of a row and member; where five of the first 50 count, those
            are enough.
        kinds: Kinds of columns by name, `continuous`, `count`, `binary` or `categorical`, where they aren't
            what their values look like: whole numbers from 0 are counts, and imputed as such, floats too; 0
            and 1 alone are binary.
        limits: Lowest and highest value of an imputation by column, as `{"wage": (0, None)}`; None where
            there is none.
        censored: Ends between which a column's gaps are known to lie, as `{"lead": (None, 0.5)}`, below a
            detection limit, or `(None, "lod")`, below that of the row in the column `lod`, whose gaps leave
            the row's plain. A cell that says so itself, `<0.5`, `>100`, `[2, 5]`, is read as such, too. No
            assumption is made of such a gap, and every imputation lies between its ends. Columns of limits
            are no data: the model doesn't see them, and they're returned as they came.
        missing_values: What stands for a missing value beside NaN, None and pandas' NA, which always do: a
            number, a text, a list of them, or either by column, as `{"age": [98, 99]}`.
        add_indicator: Whether each column that had a gap in `fit` gets another one, `missingindicator_NAME`,
            which says where the gaps are.
        keep_empty_features: Whether a column without any value is carried along, with 0 in its gaps; else
            it's left out. A warning says so in both cases.
        random_state: Seed, or a `RandomState`.
        n_jobs: Number of processes that train, a member each of a table of 10,000 rows and more, of a smaller
            one five; and that impute, for many rows. None: one, -1: one for each core.
        n_threads: Number of torch's threads in each process, whatever the program around has set, which gets
            back its own number. More than one pays for wide networks alone, and may change the last digits.
        device: Device that computes: `cpu`, `cuda`, or `auto`, which takes a GPU if there is one.
        verbose: Whether to show a progress bar, 1 or 0.
        bounds: Former name of `limits`, accepted with a FutureWarning.

    Attributes:
        n_features_in_: Number of columns.
        feature_names_in_: Names of the columns, if they have any.
        columns_: Description of each column that is modelled, a `Column`.
        indicator_: Scikit-learn's `MissingIndicator`; None where none is asked for.
        members_: Fitted models.
        assumptions_: What evidence weighed, a row for each column and candidate, where the assumption left it
            open; see `choice.assumptions_table`.
        bound_: Held-out ELBO (IWAE bound of `log p(x_o, s)`; of a MIWAE, of `log p(x_o)`), nats a row of
            standardised values, the members' mean. It isn't made for comparing assumptions:
            `NotMIWAEImputer.compare` is, and `score_samples`.

    Examples:
        >>> import numpy as np
        >>> from notmiwae import MIWAEImputer
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=200)
        >>> table = np.column_stack([x, x + 0.1 * rng.normal(size=200)])
        >>> table[:50, 1] = np.nan
        >>> completed = MIWAEImputer(random_state=0).fit_transform(table)
        >>> bool(np.abs(completed[:50, 1] - x[:50]).mean() < 0.2)
        True
    """

    def __init__(
        self,
        *,
        latent_size: int | None = None,
        hidden: Sequence[int] = (128, 128),
        shapes: bool | None = None,
        steps: int | None = None,
        members: int = 5,
        bootstrap: bool = False,
        n_samples: int = 200,
        kinds: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        censored: Censored | None = None,
        missing_values: Markers = np.nan,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        n_threads: int = 1,
        device: str = "auto",
        verbose: int = 0,
        bounds: Limits | None = None,
    ) -> None:
        self.latent_size = latent_size
        self.hidden = hidden
        self.shapes = shapes
        self.steps = steps
        self.members = members
        self.bootstrap = bootstrap
        self.n_samples = n_samples
        self.kinds = kinds
        self.limits = limits
        self.censored = censored
        self.missing_values = missing_values
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.device = device
        self.verbose = verbose
        self.bounds = bounds

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on a table with missing values.

        Arguments:
            X: `[N, D]`, NaN (or what pandas takes for missing, or `missing_values`) where missing.
            y: Not used.

        Warns:
            AssumptionWarning: why values are missing wasn't said or is `unknown`; something makes it doubtful
                (other gaps, few values, imputations far out); values are beyond `limits`; a column has none.

        Raises:
            DataError: the table can't be used; the message names column and value.
            ParameterError: an argument doesn't fit.
            DivergenceError: the bound became non-finite.
        """
        check_arguments(self)
        self.columns_, values, known, self._features = table_to_fit(self, X)
        self.indicator_ = self._features.indicator
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        seeds = [torch_seed(seed, "train", member) for member in range(self.members)]
        names = tuple(column.name for column in self.columns_)
        model = network(self.columns_, self.latent_size, self.hidden, self.shapes)
        process = trimmed(self._process(), names, with_gaps(names, values))
        workers = self._workers()
        seed_of_choice = torch_seed(seed, "choice")
        processes, decided = choose(
            workers, values, names, model, process, self.steps, self.members, seed_of_choice, known
        )
        self.assumptions_ = assumptions_table(decided)
        notice = self._notice(decided)
        if notice and np.isnan(values).any():
            warnings.warn(notice, AssumptionWarning, stacklevel=2)
        rows, known_rows = values, known
        if AT_RANDOM in set(self.assumptions_["assumption"]) and any(map(explains, processes)):
            # A row without any value is no evidence of what its values are.
            rows, known_rows = values[~blank(values)], rows_of(known, ~blank(values))
        spec = training(len(rows), self.steps, bool(self.bootstrap))
        fits = workers.fit(rows, names, model, processes, spec, seeds, known_rows)
        self.members_: list[FittedModel] = [each.fitted for each in fits]
        self.bound_ = mean_bound(fits)
        self._masks = masks_at_random(self.members_, values, known)
        self._seed = torch_seed(seed, "impute")
        for notice in self._ensemble().doubts(process, values, known):
            warnings.warn(notice, AssumptionWarning, stacklevel=2)
        return self

    def transform(self, X: Any) -> Any:
        """Return the table with its missing cells imputed: means of numbers, the most probable category.

        A row's importance samples go by what it holds, so that it's imputed alone as in any table.
        """
        # What `set_output` asks for scikit-learn makes of pandas' DataFrames.
        to_pandas = _get_output_config("transform", self)["dense"] == "pandas"
        rows, (mean,) = self._filled(X, 0)
        return rows.back(mean, to_pandas)

    def sample(self, X: Any, n_draws: int = 20) -> list[Any]:
        """Draw completed tables from `p(x_m | x_o, s)`: multiple imputations.

        Unlike its mean, what is drawn of a row goes by its place in the table.
        """
        return self.complete(X, n_draws)[1]

    def complete(self, X: Any, n_draws: int = 20, first: int = 0) -> tuple[Any, list[Any]]:
        """Return what `transform` and `sample` return, in one go.

        Arguments:
            X: Table `[N, D]` with the columns that were fitted.
            n_draws: Number of multiple imputations.
            first: Number of the table's first row, if it's a piece of a larger one; a multiple of 1,024. The
                pieces together are then what the whole table would be.
        """
        rows, filled = self._filled(X, whole("n_draws", n_draws, 0), first)
        mean, *draws = map(rows.back, filled)
        return mean, draws

    def check(self, X: Any, n_draws: int = 100) -> Check:
        """Check the gaps of a table against those that the fitted process makes, on 5,000 rows at most.

        Arguments:
            X: Table `[N, D]` with the columns that were fitted.
            n_draws: Number of masks that are drawn, each for another completed table.
        """
        rows = self._rows(X)
        return self._ensemble().check(rows.values, whole("n_draws", n_draws, 1), rows.known)

    def score_samples(self, X: Any) -> Floats:
        """Compute the ELBO (IWAE bound) of `log p(x_o, s)` of each row, nats in the columns' units, `[N]`.

        It's that of the mixture of R members, `log 1/R Σ_r exp(ELBO_r)`, with L importance samples each.
        Columns taken as missing at random have a regression of their masks on what is seen, so that the
        bounds of all assumptions can be compared.
        """
        rows = self._rows(X)
        with torch_threads(self.n_threads):
            return row_bounds(self.members_, self._masks, rows.values, self.n_samples, self._seed, rows.known)

    def score(self, X: Any, y: Any = None) -> float:
        """Average `score_samples`, for the choice of settings by held-out rows."""
        return float(self.score_samples(X).mean())

    @property
    def missing_process_(self) -> pd.DataFrame:
        """What was learnt of why values are missing, in the columns' own units; see `learnt.learnt_table`."""
        check_is_fitted(self)
        return learnt.learnt_table(self.columns_, self.members_)

    def plot_missing_process(self, X: Any, columns: Sequence[str] | None = None) -> Any:
        """Draw the learnt `p(s_j = 0 | x_j)` over the rows of X, a matplotlib figure; see `learnt.plot`."""
        rows = self._rows(X).values
        with torch_threads(self.n_threads):
            return learnt.plot(self.columns_, self.members_, rows, columns)

    def save(self, folder: str | Path) -> None:
        """Write the fitted imputer to a folder, which is replaced: safetensors and JSON, nothing pickled."""
        check_is_fitted(self)
        storage.save(self, Path(folder))

    @staticmethod
    def load(folder: str | Path) -> MIWAEImputer:
        """Read the imputer that was saved to a folder.

        Raises:
            DataError: the folder holds anything else.
        """
        from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer

        return storage.load(Path(folder), [MIWAEImputer, NotMIWAEImputer])

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns that come out: those that went in, and indicators."""
        check_is_fitted(self, "n_features_in_")
        return self._features.names(_check_feature_names_in(self, input_features))

    def _rows(self, X: Any) -> Rows:
        """Return new rows; raise a `DataError` if they don't fit the model."""
        check_is_fitted(self)
        check_arguments(self)
        return table_as_fitted(self, X)

    def _filled(self, X: Any, n_draws: int, first: int = 0) -> tuple[Rows, Iterator[pd.DataFrame]]:
        """Return rows and their modelled columns completed: by means, then by draws."""
        rows = self._rows(X)
        imputed = self._ensemble().impute(rows.values, n_draws, first, rows.known)
        # One after the other, as each is a whole table.
        return rows, (fill(self.columns_, rows.table, each) for each in (imputed.mean, *imputed.draws))

    @property
    def _turns(self) -> int:
        """Number of models whose turns count where draws are pooled; 1 where they have the same rows."""
        return len(self.members_) if self.bootstrap else 1

    def _ensemble(self) -> Ensemble:
        at_random = AT_RANDOM in set(self.assumptions_["assumption"])
        return Ensemble(self.columns_, self.members_, at_random, self.n_samples, self._seed, self._workers())

    def _workers(self) -> Workers:
        return Workers(self.n_jobs, self.n_threads, resolve(self.device), bool(self.verbose))

    def _process(self) -> ProcessSpec:
        return IgnorableSpec()

    def _notice(self, decided: Sequence[Decided]) -> str | None:
        """Word what is to be said of the assumption, if anything.

        Arguments:
            decided: What evidence decided.
        """
        return None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
