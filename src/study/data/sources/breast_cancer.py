"""Breast cancer Wisconsin, as scikit-learn carries it."""

import pandas as pd
from typing_extensions import override

from study.data.sources.source import RealTable, sources


@sources.register("breast_cancer")
class BreastCancer(RealTable):
    """Breast cancer Wisconsin (diagnostic), 569 rows, 30 features, as scikit-learn carries it."""

    @override
    def read(self) -> pd.DataFrame:
        # Imported here: it takes longer than the rest of a stage that reads another table.
        from sklearn.datasets import load_breast_cancer

        data = load_breast_cancer()
        return pd.DataFrame(data.data, columns=[name.replace(" ", "_") for name in data.feature_names])
