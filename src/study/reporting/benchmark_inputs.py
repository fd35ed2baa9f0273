"""Reads what the six-table benchmark's stages made."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from notmiwae.errors import DataError, ParameterError
from notmiwae.training.fitted_model import FittedModel
from study.data.datasets import DatasetSpec
from study.data.tables import read_table
from study.evaluation.side_studies import Ablation, with_offset
from study.reporting.benchmark import Inputs
from study.reporting.benchmark_tables import constants
from study.reporting.learnt_columns import Learnt, learnt_columns
from study.reporting.methods import DEFAULT, RIVAL
from study.reporting.names import datasets_in_order
from study.reporting.result_files import (
    PUBLISHED_COLUMNS,
    STUDY_COLUMNS,
    read_replicates,
    read_row_errors,
    read_rows,
)
from study.run import pipeline
from study.run.params_file import PARAMS_FILE
from study.run.pipeline import COMPLETE, MASKED, MODELS, REPORTS, section


def gather() -> Inputs:
    """Read everything that the benchmark reports on from the current folder.

    Raises:
        DataError: a file is absent or isn't what its stage writes.
        ParameterError: params.yaml doesn't fit.
    """
    grid = pipeline.grid()
    for model in (DEFAULT, RIVAL):
        if model not in grid.models:
            raise ParameterError(
                f"{PARAMS_FILE}: run.models: the benchmark reports on {model}, which isn't there"
            )
    datasets = datasets_in_order(grid.datasets)
    cells = [(dataset, method) for dataset in datasets for method in grid.methods]
    variants, ablation = _ablation()
    rates = read_rows(REPORTS / "missing_rate.csv", STUDY_COLUMNS, "side_study@missing_rate")
    return Inputs(
        datasets=datasets,
        baselines=grid.baselines,
        replicates=read_replicates(cells),
        errors=read_row_errors(cells),
        published=read_rows(
            REPORTS / "published.csv", PUBLISHED_COLUMNS, "that writes it: none, it's in git"
        ),
        variants=variants,
        ablation=ablation,
        missing_rate=rates,
        shares=dict(_shares(rates)),
        learnt=[panel for dataset in datasets for panel in _learnt(dataset)],
        constants={name: constants(_table(COMPLETE, name), _table(MASKED, name)) for name in datasets},
    )


def _ablation() -> tuple[list[str], pd.DataFrame]:
    """Read the variants' names, the unchanged method first, and their results."""
    path = REPORTS / "ablation.csv"
    rows = read_rows(path, STUDY_COLUMNS, "side_study@ablation")
    variants = list(section(Ablation, "ablation").variants)
    for name in variants:
        if not (rows["method"] == name).any():
            raise DataError(f"{path}: nothing of the variant {name!r}; run the stage side_study@ablation")
    return variants, rows


def _shares(rates: pd.DataFrame) -> Iterator[tuple[tuple[str, float], float]]:
    """Compute the share of the columns' values that goes missing, by data set and offset."""
    for dataset, setting in rates[["dataset", "setting"]].drop_duplicates().itertuples(index=False):
        complete = _table(COMPLETE, dataset)
        offset = float(setting)
        mechanism = with_offset(section(DatasetSpec, f"datasets.{dataset}"), offset).mechanism
        lost = complete.columns.isin(mechanism.targets(complete))
        yield (dataset, offset), float(mechanism.probability(complete)[:, lost].mean())


def _learnt(dataset: str) -> Iterator[Learnt]:
    folder = pipeline.cell_folder(MODELS, dataset, DEFAULT)
    members = [
        FittedModel.load_members(pipeline.replicate_folder(folder, replicate))
        for replicate in range(pipeline.replicates(dataset))
    ]
    mechanism = section(DatasetSpec, f"datasets.{dataset}").mechanism
    return learnt_columns(dataset, _table(COMPLETE, dataset), _table(MASKED, dataset), mechanism, members)


def _table(stage: Path, dataset: str) -> pd.DataFrame:
    try:
        return read_table(stage / dataset, 0)
    except DataError:
        raise DataError(f"{stage / dataset}: no tables there; run the stage table@{dataset}") from None
