"""Draw many tables, take values away, impute, pool by Rubin's rules; save how often the intervals hold."""

import json
from pathlib import Path

import pandas as pd

from study.data.tables import write_csv
from study.inference.pooled_cells import pooled_jobs, run_pooled
from study.inference.pooled_spec import PooledSpec
from study.inference.summary import summary
from study.run.jobs import run_cells
from study.run.pipeline import REPORTS, arguments, section, seed
from study.run.resume import fingerprint, modules

FOLDER = Path("data/pooled")


def main() -> None:
    arguments()
    pooled = section(PooledSpec, "pooled")
    # How intervals are summarised is no part of them.
    own = [module for module in modules("study/inference") if module.stem != "summary"]
    code = fingerprint(*modules("notmiwae/estimators", "study/estimators"), *own)
    work = list(pooled_jobs(pooled, seed(), FOLDER, code))
    run_cells(run_pooled, work, FOLDER, "pooled", "pooled_seconds")
    intervals = pd.DataFrame(
        [
            {"design": job.dataset, "method": job.method, "estimand": estimand, **interval}
            for job, _ in work
            for estimand, interval in json.loads(job.output.read_text(encoding="utf-8")).items()
        ]
    )
    write_csv(summary(intervals, pooled.source.correlation), REPORTS / "pooled.csv")


main()
