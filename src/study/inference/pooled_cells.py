"""The cells of the study of pooled intervals: a design, a method and a replicate each."""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from notmiwae.errors import AssumptionWarning
from notmiwae.files import write_json
from notmiwae.mechanisms.mechanism import Mechanism, apply_mechanism
from notmiwae.progress import Report
from notmiwae.randomness import generator, torch_seed
from study.baselines.baseline import Baseline
from study.data.sources.correlated_gaussian import CorrelatedGaussian
from study.estimators.estimator_spec import EstimatorSpec
from study.inference.analysis import of_complete_rows, of_imputed
from study.inference.pooled_spec import PooledSpec
from study.run.jobs import Job
from study.run.resume import fingerprint

COMPLETE_ROWS = "complete_rows"
"""The method that imputes nothing."""


@dataclass(frozen=True)
class PooledCell:
    """What one job is about.

    Attributes:
        source: Source of the complete table.
        mechanism: Mechanism by which it loses values.
        method: Who imputes it; None: nobody.
        seed: The study's one seed.
    """

    source: CorrelatedGaussian
    mechanism: Mechanism
    method: EstimatorSpec | Baseline | None
    seed: int

    def masked(self, design: str, replicate: int) -> pd.DataFrame:
        """Draw a table, in all designs the same, and take values from it, for all methods the same."""
        complete = self.source.draw(generator(self.seed, "pooled", "generate", replicate))
        return apply_mechanism(
            self.mechanism, complete, generator(self.seed, "pooled", "mask", design, replicate)
        )


def pooled_jobs(
    pooled: PooledSpec, part: int, seed: int, folder: Path, code: str
) -> Iterator[tuple[Job, PooledCell]]:
    """List a part's jobs by replicate, each of which writes `folder/design/method/replicate.json`.

    Arguments:
        pooled: What to do.
        part: Number of the part.
        seed: The study's one seed.
        folder: Folder of all that comes out of the part.
        code: Digest of the code that makes it.
    """
    first = part * pooled.replicates
    for replicate in range(first, first + pooled.replicates):
        for name, design in pooled.designs.items():
            methods: dict[str, EstimatorSpec | Baseline | None] = {COMPLETE_ROWS: None, **pooled.baselines}
            methods |= {each: pooled.told(each, name) for each in pooled.estimators}
            random = torch_seed(seed, "pooled", "impute", name, replicate)
            for label, method in methods.items():
                made_from = fingerprint(code, random, pooled.source, design.mechanism, method or label)
                output = folder / name / label / f"{replicate:03d}.json"
                job = Job(name, label, replicate, random, output, made_from)
                yield job, PooledCell(pooled.source, design.mechanism, method, seed)


def run_pooled(job: Job, cell: PooledCell, report: Report) -> float:
    """Mask a table, impute it, and write its pooled intervals."""
    masked, started = cell.masked(job.dataset, job.replicate), time.perf_counter()
    if cell.method is None:
        found = of_complete_rows(masked)
    elif isinstance(cell.method, Baseline):
        draws = cell.method.draw(masked, job.seed)
        found = of_imputed([pd.DataFrame(draw, columns=masked.columns) for draw in draws], members=1)
    else:
        found = _by_estimator(cell.method, masked, job.seed)
    write_json(job.output, found)
    return time.perf_counter() - started


def _by_estimator(spec: EstimatorSpec, masked: pd.DataFrame, seed: int) -> dict[str, dict[str, float]]:
    imputer = spec.imputer({}, seed, "cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        imputer.fit(masked)
    # Draws of one model have in common what it has wrong; where all models had the same rows, it isn't known.
    members = imputer.members if imputer.bootstrap else 1
    return of_imputed(imputer.sample(masked, spec.draws), members)
