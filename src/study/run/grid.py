"""The experiment's grid: the data sets and methods that the section `run` of params.yaml names."""

from notmiwae.specs import Spec

ORACLE = "oracle"
"""Name of the Bayes-optimal imputation among the methods."""


class GridSpec(Spec):
    """The section `run` of params.yaml: the experiment's data sets and methods, by name.

    Attributes:
        datasets: Names of the data sets.
        models: Methods that are trained, by the networks and the recipe of each data set.
        estimators: Methods that are trained as a user of the package would.
        baselines: Methods that aren't.
        oracles: Data sets whose Bayes-optimal imputation is known.
    """

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    estimators: tuple[str, ...] = ()
    baselines: tuple[str, ...]
    oracles: tuple[str, ...]

    @property
    def trained(self) -> tuple[str, ...]:
        """List the methods that have models."""
        return self.models + self.estimators

    @property
    def methods(self) -> tuple[str, ...]:
        """List all methods as the results do: those with models, then the baselines."""
        return self.trained + self.baselines

    def cells(self) -> list[tuple[str, str]]:
        """List what is evaluated: each data set with each method, and with the oracle where it's known."""
        return [
            (dataset, method)
            for dataset in self.datasets
            for method in (*self.methods, *([ORACLE] if dataset in self.oracles else []))
        ]
