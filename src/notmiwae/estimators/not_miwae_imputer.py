"""not-MIWAE as a scikit-learn imputer of a user's own table: MIWAE's with an assumption."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from typing_extensions import override

from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.accepted_tables import table_to_fit
from notmiwae.estimators.arguments import check_arguments
from notmiwae.estimators.assumptions import (
    AUTO,
    UNKNOWN,
    Assumption,
    Groups,
    chosen,
    missing_process,
    trimmed,
)
from notmiwae.estimators.choice import AT_RANDOM, Decided, undecided
from notmiwae.estimators.column_kinds import Limits
from notmiwae.estimators.comparison import Comparison, compare
from notmiwae.estimators.cross_validation import with_gaps
from notmiwae.estimators.defaults import network
from notmiwae.estimators.known_values import Censored
from notmiwae.estimators.markers import Markers
from notmiwae.estimators.miwae_imputer import MIWAEImputer
from notmiwae.model.missing_process.missing_process import ProcessSpec
from notmiwae.randomness import torch_seed

Candidates = Sequence[str] | Mapping[str, Assumption]
"""Assumptions to compare: words of the whole table, or assumptions by a name for each."""


class NotMIWAEImputer(MIWAEImputer):
    """Impute by a not-MIWAE: the value itself may decide whether it's seen (Ipsen et al., ICLR 2021).

    Takes what `MIWAEImputer` takes, and an assumption.

    Arguments:
        missing_process: Assumption on why values are missing: a word of `assumptions.ASSUMPTIONS`, or a
            `Missing` that says what else decides, for the whole table or by column; columns that aren't named
            are missing at random. `auto` takes for each column of numbers what foretells held-out rows best:
            `mar`, `high` or `low`; without evidence it imputes as `MIWAEImputer` does. `assumptions_` has
            what was weighed, an `AssumptionWarning` what was taken. `unknown` takes one of `high` and `low`
            in any case, and imputes far worse than `mar` where neither holds, of which it warns.
        groups: Columns whose gaps come together in a row, by the name of their group: a latent of the row
            that the process alone has explains them, so that several gaps of one cause aren't taken for as
            many proofs of an extreme value. None: the columns of which a direction is said are one group, as
            far as the data ask for it. `{}`: gaps are independent, given the values.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from notmiwae import NotMIWAEImputer
        >>> rng = np.random.default_rng(0)
        >>> school = rng.normal(size=300)
        >>> table = pd.DataFrame({"school": school, "income": school + rng.normal(size=300)})
        >>> truth = table["income"].copy()
        >>> table.loc[truth > 1, "income"] = np.nan  # high incomes aren't told
        >>> completed = NotMIWAEImputer({"income": "high"}, random_state=0).fit_transform(table)
        >>> bool(abs((completed["income"] - truth)[truth > 1].mean()) < 0.2)
        True
    """

    def __init__(
        self,
        missing_process: Assumption = "auto",
        *,
        groups: Groups | None = None,
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
        super().__init__(
            latent_size=latent_size,
            hidden=hidden,
            shapes=shapes,
            steps=steps,
            members=members,
            bootstrap=bootstrap,
            n_samples=n_samples,
            kinds=kinds,
            limits=limits,
            censored=censored,
            missing_values=missing_values,
            add_indicator=add_indicator,
            keep_empty_features=keep_empty_features,
            random_state=random_state,
            n_jobs=n_jobs,
            n_threads=n_threads,
            device=device,
            verbose=verbose,
            bounds=bounds,
        )
        self.missing_process = missing_process
        self.groups = groups

    @override
    def _process(self) -> ProcessSpec:
        return missing_process(self.missing_process, self.columns_, self.groups)

    @override
    def _notice(self, decided: Sequence[Decided]) -> str | None:
        if any(AT_RANDOM not in choice.words for choice in decided):
            return UNKNOWN
        return chosen(decided) if decided or self.missing_process == AUTO else None

    def compare(self, X: Any, assumptions: Candidates = ("mar", "low", "high")) -> Comparison:
        """Set assumptions side by side by how well each foretells rows it wasn't trained on; fits nothing.

        Arguments:
            X: The table, `[N, D]`.
            assumptions: Words of the whole table, or assumptions by a name for each.

        Raises:
            ParameterError: an unknown word or column, or one to be chosen by evidence itself.
            DataError: nothing is missing, or the table can't be used.
        """
        check_arguments(self)
        columns, values, known, _ = table_to_fit(clone(self), X)
        if not np.isnan(values).any():
            but = " but what is known to lie between two ends" if known else ""
            raise DataError(f"no value is missing{but}: there is nothing to compare")
        names = tuple(column.name for column in columns)
        said = assumptions if isinstance(assumptions, Mapping) else {str(word): word for word in assumptions}
        gaps = with_gaps(names, values)
        processes = {
            name: trimmed(missing_process(each, columns, self.groups), names, gaps)
            for name, each in said.items()
        }
        for name, process in processes.items():
            if any(AT_RANDOM in each.candidates for each in undecided(process, names)):
                raise ParameterError(f"assumptions: {name}: it's chosen by such a comparison itself")
        model = network(columns, self.latent_size, self.hidden, self.shapes)
        seed = torch_seed(int(check_random_state(self.random_state).randint(2**31 - 1)), "choice")
        return compare(self._workers(), values, names, model, processes, self.steps, seed, known)
