"""Tables of results for pages."""

import pandas as pd


def markdown(frame: pd.DataFrame) -> str:
    """The rows as a Markdown table."""
    numbers = [pd.api.types.is_numeric_dtype(frame[name].dtype) for name in frame]
    lines = [
        [name.replace("_", " ") for name in frame],
        ["--:" if each else ":--" for each in numbers],
        *([_cell(value) for value in row] for row in frame.itertuples(index=False)),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
