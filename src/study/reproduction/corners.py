"""A corner of a pipeline that takes too long to be rerun whole: some cells, whose metrics come out again."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from notmiwae.errors import ParameterError
from notmiwae.files import whole_file, write_json
from notmiwae.specs import suggest
from study.reproduction.checkout import Checkout
from study.reproduction.compare import Tolerance, compare
from study.run.pipeline import REPORTS

_METRICS = REPORTS / "metrics"
_STAGE = "evaluate"
"""Stage of every pipeline that writes its metrics."""

Corner = Mapping[str, Any]
"""How the dials of a pipeline's params.yaml are narrowed: a list names what is kept of a list or a mapping, a
mapping goes on inside, and anything else takes the dial's place."""


class ReproductionSpec(Tolerance):
    """The section `reproduction`.

    Attributes:
        corners: Corner of each further pipeline, by its folder, that is rerun where its lock is stale.
        fast: Folders of the pipelines whose corner is part of the quick check.
    """

    corners: dict[str, Corner] = Field(default_factory=dict)
    fast: tuple[str, ...] = ()


def rerun(clone: Path, folder: str, corner: Corner, tolerance: Tolerance) -> list[str]:
    """Run a corner of a pipeline from nothing in a clone; list what differs from the committed metrics.

    The pipeline's params.yaml is altered in the clone.

    Arguments:
        clone: Root of the clone.
        folder: Folder of the pipeline in it.
        corner: How its dials are narrowed.
        tolerance: Differences that are allowed, whatever the processor.

    Raises:
        ParameterError: the pipeline has nothing of a name that is to be kept.
        DataError: a stage failed.
    """
    pipeline = clone / folder
    params = yaml.safe_load((pipeline / "params.yaml").read_text(encoding="utf-8"))
    narrowed = narrow(params, corner, f"reproduction.corners.{folder}")
    with whole_file(pipeline / "params.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(narrowed, sort_keys=False), encoding="utf-8")
    with tempfile.TemporaryDirectory() as kept:
        committed, before = Path(kept) / "committed", Path(kept) / "before"
        shutil.move(pipeline / _METRICS, committed)
        Checkout(clone, folder).repro(_STAGE)
        before.mkdir()
        for path in (pipeline / _METRICS).glob("*.json"):
            # Of a file with several cells, those that the corner has.
            if (committed / path.name).is_file():
                old, new = (json.loads(each.read_text()) for each in (committed / path.name, path))
                write_json(before / path.name, {name: old[name] for name in old if name in new})
        differences = compare(before, pipeline / _METRICS, tolerance)
        return [f"{folder}/{_METRICS}/{line}" for line in differences]


def narrow(dials: Mapping[str, Any], corner: Corner, where: str) -> dict[str, Any]:
    """Return dials narrowed to a corner.

    Arguments:
        dials: Settings, as params.yaml has them.
        corner: How they are narrowed.
        where: Place of the corner, for messages.

    Raises:
        ParameterError: a name that is to be kept isn't there.
    """
    narrowed = dict(dials)
    for name, wanted in corner.items():
        place = f"{where}.{name}"
        if name not in dials:
            raise ParameterError(f"{place}: no such dial{suggest(name, dials)}")
        old = dials[name]
        if isinstance(wanted, Mapping) and isinstance(old, Mapping):
            narrowed[name] = narrow(old, wanted, place)
        elif isinstance(wanted, list) and isinstance(old, Mapping | list):
            for each in wanted:
                if each not in old:
                    raise ParameterError(f"{place}: found {each!r}{suggest(each, old)}")
            narrowed[name] = {each: old[each] for each in wanted} if isinstance(old, Mapping) else wanted
        else:
            narrowed[name] = wanted
    return narrowed
