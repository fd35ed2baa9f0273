"""An entry of `estimators` in params.yaml: what a user would write in `NotMIWAEImputer(…)`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainValidator, PositiveInt

from notmiwae.cli.options import WORDS
from notmiwae.errors import ParameterError
from notmiwae.estimators.missing import DIRECTIONS, DRIVERS, Missing
from notmiwae.model.missing_process.selection_model import PERHAPS
from notmiwae.specs import Spec, parse_spec, suggest

if TYPE_CHECKING:
    from notmiwae.estimators.column_kinds import Limits
    from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer

SEEDS = 2**31 - 1
"""Seeds that scikit-learn takes are smaller."""


def _word(word: Any, words: Collection[str] = WORDS, where: str = "") -> str:
    if word not in tuple(words):
        raise ValueError(f"{where}unknown word {word!r}{suggest(word, words)}")
    return str(word)


def _given(given: Any) -> Sequence[str] | str:
    """Read names of columns, or a word for some of them."""
    if given in DRIVERS:
        return str(given)
    if isinstance(given, list | tuple) and all(isinstance(name, str) for name in given):
        return tuple(given)
    raise ValueError(f"accepted: a list of names, {', '.join(DRIVERS)}")


class SaidSpec(Spec):
    """What is said of a column beyond a word; see `Missing`, whose arguments these are."""

    word: Annotated[str, PlainValidator(partial(_word, words=DIRECTIONS))]
    given: Annotated[Any, PlainValidator(_given)] = PERHAPS
    at_random: bool = False
    one_curve: bool = False


def _said(given: Any) -> Any:
    """Read a word, or by column a word or a mapping of more; as the estimator takes it."""
    if not isinstance(given, Mapping):
        return _word(given)
    return {str(name): _of_column(str(name), each) for name, each in given.items()}


def _of_column(name: str, given: Any) -> str | Missing:
    if isinstance(given, Missing):
        return given
    if not isinstance(given, Mapping):
        return _word(given, where=f"{name}: ")
    try:
        said = parse_spec(SaidSpec, given, name)
    except ParameterError as error:
        raise ValueError(str(error)) from None
    return Missing(said.word, said.given, said.at_random, said.one_curve)


class EstimatorSpec(Spec):
    """A method that is the package's own imputer; what is left out, or null, is the imputer's own default.

    Attributes:
        missing_process: Assumption on why values are missing: a word of the whole table, or by column a word
            or a mapping with `word`, `given` and `at_random`.
        groups: Columns whose gaps come together, by the name of their group.
        latent_size: Dimension of z.
        hidden: Widths of the hidden layers.
        shapes: Whether numbers learn their shape; null: those of which limits are said.
        steps: Number of training steps.
        members: Number of models that impute together.
        bootstrap: Whether each is trained on rows drawn with replacement.
        n_samples: Number of importance samples of a row and member.
        draws: Number of completed tables that are drawn.
    """

    missing_process: Annotated[Any, PlainValidator(_said)] = "auto"
    groups: dict[str, tuple[str, ...]] | None = None
    latent_size: PositiveInt | None = None
    hidden: tuple[PositiveInt, ...] | None = None
    shapes: bool | None = None
    steps: PositiveInt | None = None
    members: PositiveInt | None = None
    bootstrap: bool | None = None
    n_samples: PositiveInt | None = None
    draws: PositiveInt = 20

    def imputer(self, limits: Limits, seed: int, device: str) -> NotMIWAEImputer:
        """Return the imputer; `limits` are of the table's columns, and any `seed` will do."""
        from notmiwae.estimators.not_miwae_imputer import NotMIWAEImputer

        names = ("groups", "latent_size", "hidden", "shapes", "steps", "members", "bootstrap", "n_samples")
        said = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return NotMIWAEImputer(
            self.missing_process, limits=limits, random_state=seed % SEEDS, device=device, **said
        )
