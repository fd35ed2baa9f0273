"""Impute the ladder's tables by a usual imputer, or by one that knows the truth, and measure the error."""

from pathlib import Path

from study.ladder.impute_cells import impute_cells
from study.ladder.imputers import imputers
from study.run.pipeline import arguments, entry
from study.run.resume import modules


def main() -> None:
    (method,) = arguments("method")
    code = [Path(__file__), *modules("study/evaluation", "study/ladder")]
    impute_cells(method, entry(imputers, f"ladder.methods.{method}"), code)


main()
