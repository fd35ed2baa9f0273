"""Data sets: a source of complete tables, and the mechanism by which their values go missing."""

from typing import Annotated

from pydantic import BeforeValidator, PositiveInt

from notmiwae.mechanisms.mechanism import Mechanism, mechanisms
from notmiwae.specs import Spec
from study.data.sources.source import Source, sources


class DatasetSpec(Spec):
    """An entry of `datasets` in params.yaml.

    Attributes:
        source: Source of the complete tables.
        mechanism: Mechanism by which their values go missing.
        replicates: Number of tables that are drawn, or of seeds where the table is fixed.
    """

    source: Annotated[Source, BeforeValidator(sources.parse)]
    mechanism: Annotated[Mechanism, BeforeValidator(mechanisms.parse)]
    replicates: PositiveInt
