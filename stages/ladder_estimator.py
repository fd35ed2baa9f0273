"""Impute all of the ladder's tables by the package's own imputer, and measure how good that is."""

from pathlib import Path

from study.ladder.impute_cells import impute_cells
from study.ladder.ladder_estimator import LadderEstimator
from study.run.pipeline import arguments, section
from study.run.resume import modules


def main() -> None:
    (method,) = arguments("estimator")
    code = modules("notmiwae/estimators", "study/evaluation", "study/ladder")
    impute_cells(method, section(LadderEstimator, f"ladder.estimators.{method}"), [Path(__file__), *code])


main()
