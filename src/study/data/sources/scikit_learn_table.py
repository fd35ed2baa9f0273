"""Tables that scikit-learn carries."""

from typing import Literal

import pandas as pd
from typing_extensions import override

from study.data.sources.source import RealTable, sources


@sources.register("scikit_learn")
class ScikitLearnTable(RealTable):
    """The features of a table that scikit-learn carries.

    Attributes:
        name: Name of the table: wine has 178 rows and 13 features, diabetes 442 and 10, as measured.
    """

    name: Literal["wine", "diabetes"]

    @override
    def read(self) -> pd.DataFrame:
        # Imported here: it takes longer than the rest of a stage that reads another table.
        from sklearn import datasets

        scaled = {} if self.name == "wine" else {"scaled": False}
        data = getattr(datasets, f"load_{self.name}")(as_frame=True, **scaled).data
        names = [name.replace("/", "_") for name in data.columns]
        return pd.DataFrame(data.astype(float).set_axis(names, axis=1))
