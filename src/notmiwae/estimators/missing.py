"""What a user may say of a column beyond a word: what else decides, and whether chance does too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notmiwae.errors import ParameterError
from notmiwae.model.missing_process.selection_model import PERHAPS, SelectionSpec
from notmiwae.specs import suggest

DIRECTIONS = {"high": "high", "low": "low", "unknown": "unknown", "mar": "none", "category": "code"}
"""Words that may be said in `Missing`, and the direction of the process that each becomes."""
NOTHING = "nothing"
DRIVERS = ("complete", "others", PERHAPS, NOTHING)
"""Words that may be said of what else decides, in the place of names."""
TOGETHER = "row"
"""Group of the columns of which a direction is said, unless groups are: whose gaps may have one cause."""


@dataclass(frozen=True)
class Missing:
    """Say of a column why its values are missing, by more than a word.

    `p(s_j = 0 | ·) = π_j + (1 − π_j) Φ(a_j (x_j − b_j − c_jᵀu))` with the drivers u: where they are high, the
    edge beyond which values go missing lies elsewhere. It's Heckman's selection model (Econometrica 1979).

    Arguments:
        word: `high` or `low`: higher (lower) values go missing; `unknown`: one of the two; `mar`: the drivers
            and chance alone decide; `category`: which category it is decides.
        given: Columns that decide too: their names; `complete`: all without a gap; `others`: all others. A
            gap in one of them stands for the value that the row lets expect. `perhaps`: those without a gap,
            as far as the data ask for it; `nothing`: none.
        at_random: Whether a share of the values is missing whatever they are, beside those.
        one_curve: Whether the columns of which it's said lose values by one curve, as those do that one
            instrument measured: each at an edge of its own, all as steeply, by their standard deviations.

    Raises:
        ParameterError: a word or a name that isn't accepted.

    Examples:
        >>> from notmiwae import Missing, NotMIWAEImputer
        >>> wage = Missing("low", given=["kidslt6", "age"], at_random=True)
        >>> imputer = NotMIWAEImputer({"wage": wage})
    """

    word: str
    given: Sequence[str] | str = PERHAPS
    at_random: bool = False
    one_curve: bool = False

    def __post_init__(self) -> None:
        if self.word not in DIRECTIONS:
            raise ParameterError(f"Missing: unknown word {self.word!r}{suggest(self.word, DIRECTIONS)}")
        if isinstance(self.given, str) and self.given not in DRIVERS:
            accepted = f"accepted: a list of names, {', '.join(map(repr, DRIVERS))}"
            raise ParameterError(f"Missing: given: found {self.given!r}; {accepted}")
        if not isinstance(self.given, str):
            object.__setattr__(self, "given", tuple(map(str, self.given)))

    def process(self) -> SelectionSpec:
        """Return the process that stands for it."""
        direction, given = DIRECTIONS[self.word], self.given
        by_value = direction not in ("none", "code")
        if given == NOTHING or (given == PERHAPS and not by_value):
            given = ()
        entry = {
            "direction": direction,
            "given": given,
            "at_random": self.at_random,
            "shared": self.one_curve,
        }
        return SelectionSpec.model_validate(entry | {"together": TOGETHER if by_value else None})
