"""The pipeline's own params.yaml at a tiny size."""

import copy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tiny(params: dict) -> dict:
    """The dials of a params.yaml, made small: everything else stays as it is."""
    params = copy.deepcopy(params)
    params["compute"]["workers"] = 1
    for dataset in params["datasets"].values():
        dataset["replicates"] = 2
        if "rows" in dataset["source"]:
            dataset["source"]["rows"] = 60
    params["datasets"]["mnist"]["source"] |= {
        "images": 120,
        "file": str(ROOT / "data/mnist/train-first-2000.npz"),
    }
    for recipe in params["recipes"].values():
        recipe["training"] |= {"steps": 4, "check_every": 2, "samples": 3, "validation_samples": 3}
        recipe["imputation"] = {"samples": 10, "draws": 4}
    params["baselines"]["missforest"] |= {"trees": 2, "rounds": 1}
    params["baselines"]["missforest"]["overrides"]["mnist"] |= {"trees": 1, "nearest_features": 3}
    return params
