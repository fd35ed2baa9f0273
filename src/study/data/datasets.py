"""Data sets: a source of complete tables, and the mechanism by which their values go missing."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, PositiveInt

from notmiwae.mechanisms.mechanism import Mechanism, mechanisms
from notmiwae.specs import Spec
from study.data.sources.source import Source, sources


class DatasetSpec(Spec):
    """An entry of `datasets` in params.yaml.

    Attributes:
        source: Where the complete tables come from.
        mechanism: How their values go missing.
        replicates: How many tables are drawn, or how many seeds are run where the table is fixed.
    """

    source: Annotated[Source, BeforeValidator(sources.parse)]
    mechanism: Annotated[Mechanism, BeforeValidator(mechanisms.parse)]
    replicates: PositiveInt
