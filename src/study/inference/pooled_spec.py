"""The section `pooled` of params.yaml: what is drawn, how values go missing, and who imputes them."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, model_validator

from notmiwae.mechanisms.mechanism import Mechanism, mechanisms
from notmiwae.specs import Spec
from study.baselines.baseline import Baseline, baselines
from study.data.sources.correlated_gaussian import CorrelatedGaussian
from study.data.sources.source import sources
from study.estimators.estimator_spec import EstimatorSpec

UsualImputer = Annotated[Baseline, BeforeValidator(baselines.parse)]


class DesignSpec(Spec):
    """A way in which values go missing, and what a user who knows it says.

    Attributes:
        mechanism: Mechanism by which the first column, and no other, loses values.
        told: What is said: `missing_process`, and `groups` if there are any.
    """

    mechanism: Annotated[Mechanism, BeforeValidator(mechanisms.parse)]
    told: EstimatorSpec

    @model_validator(mode="after")
    def _says_no_more(self) -> Self:
        more = self.told.model_fields_set - {"missing_process", "groups"}
        if more:
            raise ValueError(f"told: found {', '.join(sorted(more))}; accepted: missing_process, groups")
        return self


class RunSpec(Spec):
    """What is run.

    Attributes:
        parts: Numbers of the parts.
    """

    parts: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]


class PooledSpec(Spec):
    """The section `pooled`.

    Attributes:
        run: What is run.
        replicates: Number of tables of each design in a part.
        source: Source of the complete tables, whose mean and slope are known.
        designs: Ways in which values go missing, by name.
        estimators: The package's own imputer, by name; what is said is the design's.
        baselines: Usual imputers that draw, two tables or more, by name.
    """

    run: RunSpec
    replicates: Annotated[int, Field(ge=2)]
    source: Annotated[CorrelatedGaussian, BeforeValidator(sources.parse)]
    designs: dict[str, DesignSpec]
    estimators: dict[str, EstimatorSpec]
    baselines: dict[str, UsualImputer]

    @model_validator(mode="after")
    def _truth_is_known(self) -> Self:
        if self.source.shape != "gaussian":
            raise ValueError(f"source.shape: found {self.source.shape!r}; accepted: 'gaussian'")
        return self

    @model_validator(mode="after")
    def _names_are_of_one_method(self) -> Self:
        twice = self.estimators.keys() & self.baselines.keys()
        if twice:
            raise ValueError(f"estimators and baselines both have {', '.join(sorted(twice))}")
        return self

    @model_validator(mode="after")
    def _baselines_draw(self) -> Self:
        for name, baseline in self.baselines.items():
            draws = getattr(baseline, "draws", 0)
            if draws < 2:
                raise ValueError(
                    f"baselines.{name}: found {draws} draws; accepted: a baseline with 2 or more"
                )
        return self

    @model_validator(mode="after")
    def _the_first_column_loses_values(self) -> Self:
        for name, design in self.designs.items():
            if design.mechanism.columns != ("x_1",):
                raise ValueError(f"designs.{name}.mechanism.columns: accepted: the first column, x_1")
        return self

    def told(self, estimator: str, design: str) -> EstimatorSpec:
        """Return an estimator that is told what can be said of a design."""
        said = self.designs[design].told
        return self.estimators[estimator].model_copy(
            update={name: getattr(said, name) for name in said.model_fields_set}
        )
