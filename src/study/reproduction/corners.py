"""A corner of a pipeline that takes too long to be rerun whole: some cells, whose metrics come out again."""

import shutil
import tempfile
from pathlib import Path

import yaml
from pydantic import Field

from notmiwae.errors import ParameterError
from notmiwae.files import whole_file
from notmiwae.specs import Spec
from study.reproduction.checkout import Checkout
from study.reproduction.compare import Tolerance, compare
from study.run.pipeline import REPORTS, cell

_METRICS = REPORTS / "metrics"


class Corner(Spec):
    """Cells of a pipeline's grid: each of the data sets with each of the methods.

    Attributes:
        datasets: Names of the data sets.
        models: Names of the models.
        baselines: Names of the baselines.
    """

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    baselines: tuple[str, ...]


class ReproductionSpec(Tolerance):
    """The section `reproduction`.

    Attributes:
        corners: Corner of each further pipeline, by its folder, that is rerun where its lock is stale.
    """

    corners: dict[str, Corner] = Field(default_factory=dict)


def rerun(clone: Path, folder: str, corner: Corner, tolerance: Tolerance) -> list[str]:
    """Run a corner of a pipeline from nothing in a clone; list what differs from the committed metrics.

    The pipeline's params.yaml is altered in the clone: the grid is the corner's.

    Arguments:
        clone: Root of the clone.
        folder: Folder of the pipeline in it.
        corner: Cells to run.
        tolerance: Differences that are allowed, whatever the processor.

    Raises:
        ParameterError: the pipeline has no results of one of the cells.
        DataError: a stage failed.
    """
    names = [
        f"{cell(each, method)}.json"
        for each in corner.datasets
        for method in corner.models + corner.baselines
    ]
    pipeline = clone / folder
    with tempfile.TemporaryDirectory() as kept:
        before, after = Path(kept) / "before", Path(kept) / "after"
        _copy(pipeline / _METRICS, before, names)
        params = yaml.safe_load((pipeline / "params.yaml").read_text(encoding="utf-8"))
        params["run"] |= {name: list(value) for name, value in corner.to_mapping().items()} | {"oracles": []}
        with whole_file(pipeline / "params.yaml") as temporary:
            temporary.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        Checkout(clone, folder).repro("evaluate")
        _copy(pipeline / _METRICS, after, names)
        return [f"{folder}/{_METRICS}/{line}" for line in compare(before, after, tolerance)]


def _copy(source: Path, target: Path, names: list[str]) -> None:
    target.mkdir()
    for name in names:
        if not (source / name).is_file():
            raise ParameterError(f"reproduction.corners: {source / name}: no such cell of the pipeline")
        shutil.copy(source / name, target)
