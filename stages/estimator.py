"""Impute a data set by the package's own imputer, as a user would; complete it in the user's format."""

import shutil
import time
from pathlib import Path

from notmiwae.computing import resolve
from notmiwae.estimators.column_kinds import Limits
from notmiwae.files import whole_file, whole_folder
from notmiwae.progress import Report
from notmiwae.randomness import torch_seed
from study.data.sources.own_table import OwnTable
from study.data.sources.source import sources
from study.data.tables import ImputedCells, find_table, read_stored, table_path
from study.estimators import as_a_user
from study.estimators.estimator_spec import EstimatorSpec
from study.estimators.own_format import write_completed
from study.run import pipeline
from study.run.jobs import Job, run_cells
from study.run.pipeline import COMPLETED, IMPUTED, MASKED, MODELS, REPORTS, cell_folder, replicate_folder
from study.run.resume import fingerprint, modules


def fit(job: Job, estimator: EstimatorSpec, limits: Limits, device: str, report: Report) -> float:
    started = time.perf_counter()
    stored = read_stored(MASKED / job.dataset, job.replicate)
    as_a_user.fit(estimator, stored, limits, job.seed, device, job.output)
    return time.perf_counter() - started


def impute(job: Job, models: Path, draws: int, report: Report) -> None:
    as_a_user.impute(read_stored(MASKED / job.dataset, job.replicate), models, draws).write(job.output)


def main() -> None:
    name, method = pipeline.arguments("dataset", "estimator")
    estimator = pipeline.section_of(EstimatorSpec, f"estimators.{method}", name)
    source = pipeline.entry(sources, f"datasets.{name}.source")
    own, device = source if isinstance(source, OwnTable) else None, resolve(pipeline.compute().device)
    code = fingerprint(Path(__file__), *modules("notmiwae/cli", "notmiwae/estimators", "study/estimators"))
    models, imputed = (cell_folder(stage, name, method) for stage in (MODELS, IMPUTED))
    fits, imputations = [], []
    for r in range(pipeline.replicates(name)):
        random, output = torch_seed(pipeline.seed(), "estimator", name, r), replicate_folder(models, r)
        made_from = fingerprint(code, random, find_table(MASKED / name, r), source, estimator)
        job = Job(name, method, r, random, output, made_from)
        fits.append((job, estimator, own.limits if own else {}, device))
        job = Job(name, method, r, random, table_path(imputed, r), fingerprint(made_from, "impute"))
        imputations.append((job, output, estimator.draws))
    run_cells(fit, fits, models, f"fit {method}", "fit_seconds")
    run_cells(impute, imputations, imputed, f"impute {method}")
    with whole_folder(cell_folder(COMPLETED, name, method)) as folder:
        if own:
            write_completed(own, [ImputedCells.read(job.output) for job, *_ in imputations], folder)
    with whole_file(REPORTS / "learnt" / method / f"{name}.md") as temporary:
        shutil.copyfile(replicate_folder(models, 0) / as_a_user.LEARNT, temporary)


main()
