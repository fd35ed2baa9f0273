"""The ladder's own params.yaml, whole and at a tiny size."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FILES = ("banknote", "red", "concrete")


def ladder() -> dict:
    """The params.yaml of ladder/, its files named as seen from anywhere."""
    params = yaml.safe_load((ROOT / "ladder/params.yaml").read_text(encoding="utf-8"))
    sources = [
        params["ladder"]["spikein"],
        *(table["source"] for table in params["ladder"]["tables"].values()),
    ]
    for source in sources:
        if "file" in source:
            source["file"] = str((ROOT / "ladder" / source["file"]).resolve())
    return params


def tiny(*tables: str) -> dict:
    """The same with some of its tables, few rows and next to no training."""
    params = ladder()
    section = params["ladder"]
    params["compute"]["workers"] = 1
    section["draws"] = 4
    section["tables"] = {name: section["tables"][name] for name in tables}
    for table in section["tables"].values():
        table["source"]["rows"] = 60
    for rung in section["rungs"].values():
        if isinstance(rung["tables"], list):
            rung["tables"] = [name for name in rung["tables"] if name in tables]
    for estimator in section["estimators"].values():
        estimator |= {"steps": 3, "members": 1}
    for method in section["methods"].values():
        if "draws" in method.get("baseline", {}):
            method["baseline"]["draws"] = 4
    section["methods"]["missforest"]["baseline"] |= {"trees": 2, "rounds": 1}
    return params
