"""Draw many tables, take values away, impute, and pool by Rubin's rules: a part of the study of intervals."""

import json
from pathlib import Path

import pandas as pd

from notmiwae.errors import ParameterError
from study.data.tables import write_csv
from study.inference.pooled_cells import pooled_jobs, run_pooled
from study.inference.pooled_spec import PooledSpec
from study.run.jobs import run_cells
from study.run.pipeline import REPORTS, arguments, section, seed
from study.run.resume import fingerprint, modules

FOLDER = Path("build/pooled")
"""No stage's output: git holds what comes out, so that a clone without DVC's cache lacks nothing."""


def main() -> None:
    (part,) = arguments("part")
    pooled = section(PooledSpec, "pooled")
    if part not in map(str, pooled.run.parts):
        raise ParameterError(f"part: found {part}; pooled.run.parts has {list(pooled.run.parts)}")
    folder = FOLDER / part
    # How intervals are summarised is no part of them.
    own = [module for module in modules("study/inference") if module.stem != "summary"]
    code = fingerprint(*modules("notmiwae/estimators", "study/estimators"), *own)
    work = list(pooled_jobs(pooled, int(part), seed(), folder, code))
    run_cells(run_pooled, work, folder, f"pooled, part {part}", "pooled_seconds")
    intervals = pd.DataFrame(
        [
            {
                "design": job.dataset,
                "method": job.method,
                "estimand": estimand,
                "replicate": job.replicate,
                **interval,
            }
            for job, _ in work
            for estimand, interval in json.loads(job.output.read_text(encoding="utf-8")).items()
        ]
    )
    write_csv(intervals, REPORTS / f"pooled/{part}.csv")


main()
