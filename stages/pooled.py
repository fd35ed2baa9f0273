"""Draw many tables, take values away, impute, pool by Rubin's rules; save how often the intervals hold."""

import json
from pathlib import Path

import pandas as pd

from study.data.tables import write_csv
from study.inference.analysis import truth
from study.inference.pooled_cells import pooled_jobs, run_pooled, summary
from study.inference.pooled_spec import PooledSpec
from study.run.jobs import run_cells
from study.run.pipeline import REPORTS, arguments, section, seed
from study.run.resume import fingerprint, modules

FOLDER = Path("data/pooled")


def main() -> None:
    arguments()
    pooled = section(PooledSpec, "pooled")
    code = fingerprint(Path(__file__), *modules("notmiwae/estimators", "study/estimators", "study/inference"))
    work = list(pooled_jobs(pooled, seed(), FOLDER, code))
    run_cells(run_pooled, work, FOLDER, "pooled", "pooled_seconds")
    intervals = pd.DataFrame(
        [
            {"design": job.dataset, "method": job.method, "estimand": estimand, **interval}
            for job, _ in work
            for estimand, interval in json.loads(job.output.read_text(encoding="utf-8")).items()
        ]
    )
    write_csv(summary(intervals, truth(pooled.source)), REPORTS / "pooled.csv")


main()
