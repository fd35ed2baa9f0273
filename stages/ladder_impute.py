"""Impute all of the ladder's tables by a usual imputer, or one that knows more, and measure how good that is."""

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
