"""Make survey.csv, an invented survey as messy as real ones.

High incomes are refused; other answers are missing by chance. A missing answer is `refused`, -9 (not asked),
99 (don't know) or an empty cell.
"""

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 600
SEED = 23


def survey() -> pd.DataFrame:
    """Draw the survey, its cells as texts."""
    draw = np.random.default_rng(SEED)
    education = draw.choice(3, ROWS, p=[0.35, 0.4, 0.25])
    age = draw.integers(18, 85, ROWS)
    hours = np.clip(draw.normal(36, 9, ROWS) - 4.0 * (age > 60), 2, 60).round()
    log_income = 7.1 + 0.3 * education + 0.012 * hours + 0.004 * (age - 45) + draw.normal(0, 0.35, ROWS)
    income = np.exp(log_income).round(-1)
    tenure = (log_income + draw.normal(0, 0.5, ROWS) > 7.9).astype(int)
    days = pd.Timestamp("2024-03-04") + pd.to_timedelta(draw.integers(0, 60, ROWS), unit="D")
    table = pd.DataFrame(
        {
            "respondent": [f"R{number:04d}" for number in range(1, ROWS + 1)],
            "interviewed": days.strftime("%d/%m/%Y"),
            "region": draw.choice(["north", "east", "south", "west"], ROWS, p=[0.3, 0.2, 0.3, 0.2]),
            "age": age,
            "education": np.array(["school", "vocational", "university"])[education],
            "children": draw.poisson(1.2, ROWS),
            "hours": hours.astype(int),
            "home": np.array(["rents", "owns"])[tenure],
            "income": income.astype(int),
        }
    ).astype(str)
    refuses = draw.random(ROWS) < 1 / (1 + np.exp(-6.0 * (log_income - 8.2)))
    table.loc[refuses, "income"] = "refused"
    for name, marker, rate in (
        ("region", "", 0.04),
        ("age", "99", 0.06),
        ("education", "refused", 0.10),
        ("children", "-9", 0.08),
        ("hours", "99", 0.12),
        ("home", "-9", 0.12),
        ("income", "-9", 0.05),
    ):
        table.loc[draw.random(ROWS) < rate, name] = marker
    return table


if __name__ == "__main__":
    survey().to_csv(Path(__file__).with_name("survey.csv"), index=False, lineterminator="\n")
